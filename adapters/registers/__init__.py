"""Devices that are a table of registers: profiles as data, one codec for all of them."""
