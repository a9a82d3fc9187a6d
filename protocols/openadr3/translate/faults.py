"""Why a payload becomes no control."""


class Invalid(Exception):
    """The type is known and its value is none: the event is refused whole, and what was known of it stays."""


class Unsupported(Exception):
    """Nothing here can be done with it: it is left out, and the rest of the event is taken."""
