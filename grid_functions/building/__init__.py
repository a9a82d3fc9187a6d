"""What a building knows of itself: its storage, heating, water, vehicles and sun, and the best plan for them at given prices."""
