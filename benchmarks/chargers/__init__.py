"""What charger_poll needs: the far end, and both sides."""
