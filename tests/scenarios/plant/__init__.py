"""Client procedures on a plant: the utility server's desk, the session, decisions, drivers and a simulated site, in simulated time."""
