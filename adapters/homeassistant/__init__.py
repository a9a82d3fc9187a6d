"""Home Assistant as a way to thermostats, tanks, switches, chargers and meters."""
