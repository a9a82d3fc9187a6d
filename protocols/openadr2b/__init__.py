"""OpenADR 2.0b: the gateway as a VEN."""
