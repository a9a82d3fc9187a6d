"""The parts of the session benchmarks: a TLS server with ready bodies in a process of its own, and our sessions."""
