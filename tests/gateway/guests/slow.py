"""A plug-in that is never there: its package takes for ever to load."""

import time

time.sleep(3600.0)
MAKER = None
