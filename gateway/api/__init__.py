"""The local socket between the running gateway and the command line."""
