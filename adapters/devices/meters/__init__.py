"""Meters that are tables of registers, as profiles: data only, one file each."""
