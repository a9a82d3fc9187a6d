"""Kills a real gateway at random moments, starts it again, and judges what the utility server and the devices saw."""
