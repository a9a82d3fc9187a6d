"""The mind of a 2030.5 utility server: (request, who, now, store) -> response and store changes; nothing awaits."""
