"""The VTN's mind."""
