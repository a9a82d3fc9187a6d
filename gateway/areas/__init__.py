"""Edge coordinators at run time: areas, their members, and the way between them."""
