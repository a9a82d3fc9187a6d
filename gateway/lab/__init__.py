"""The laboratory: simulated feeders whose homes have gateways of their own."""
