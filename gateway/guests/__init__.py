"""Plug-ins: grid functions of installed packages, each in a process of its own."""
