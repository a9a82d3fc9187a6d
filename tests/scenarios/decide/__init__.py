"""Rules of decision as conversations: reads in, setpoints and outcomes out."""
