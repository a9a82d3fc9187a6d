"""Batteries and hybrid inverters that are tables of registers, as profiles: data only, one file each."""
