"""Messages as frozen types, to bytes and back."""
