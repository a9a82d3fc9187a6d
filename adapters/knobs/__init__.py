"""Devices behind somebody else's server, set by a few values of theirs: what Home Assistant and EdgeX share."""
