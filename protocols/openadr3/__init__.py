"""OpenADR 3.0.1 and 3.1: the gateway as a VEN, and a small VTN for tests, demonstration and lab."""
