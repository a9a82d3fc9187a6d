"""IEEE 2030.5 with CSIP and CSIP-AUS: client and utility server."""
