"""Devices that others set too, by a few values of theirs: what those behind Home Assistant and EdgeX share with heaters on Modbus."""
