"""What a site tells a VTN: when, over which intervals, and which values."""
