"""The session in simulated time, against the VTN's desk."""
