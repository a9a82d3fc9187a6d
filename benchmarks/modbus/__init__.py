"""The parts of the Modbus benchmarks: a unit's registers, fast devices in a process of their own, ours, and the peer."""
