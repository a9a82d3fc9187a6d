"""The nouns, all frozen. Imports nothing but itself and the standard library."""
