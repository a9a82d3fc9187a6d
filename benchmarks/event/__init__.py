"""The parts of the event_to_ack benchmark: the play, both far ends in a process of their own, ours, and two peers."""
