"""Open Charge Point Protocol, 1.6J and 2.0.1: the central system that chargers connect to."""
