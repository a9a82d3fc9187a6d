"""Edge coordinators at run time."""
