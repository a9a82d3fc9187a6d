"""Simulated devices behind real Modbus servers."""
