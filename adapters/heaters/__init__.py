"""Heat pumps, water heaters and room thermostats that are a table of registers."""
