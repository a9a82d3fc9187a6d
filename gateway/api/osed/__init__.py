"""The paths of OSED, so that its Grid Intelligence can drive this gateway."""
