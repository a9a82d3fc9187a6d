"""The 2030.5 client's machine: replies and now in, requests and reads out. Pure."""
