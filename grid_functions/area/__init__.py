"""What an area wants of its members: one file per area function, and the mathematics they stand on."""
