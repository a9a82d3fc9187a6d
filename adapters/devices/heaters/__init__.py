"""Profiles of heat pumps, water heaters and room thermostats: data only."""
