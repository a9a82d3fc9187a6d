"""One control down, one Response up: every room together, over real TLS and real Modbus."""
