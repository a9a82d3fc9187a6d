"""The OpenADR 3 VEN, and the VTN it is tried against."""
