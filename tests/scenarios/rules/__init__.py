"""The rules of decision, by number."""
