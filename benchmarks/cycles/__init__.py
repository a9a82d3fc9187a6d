"""The parts of the cycle benchmark: our utility server, our appliance and the peer, each a process of its own."""
