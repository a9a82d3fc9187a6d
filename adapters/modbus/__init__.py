"""Modbus: a pure codec and the one owner of each connection."""
