"""OpenADR 3 messages as frozen types, read leniently and written strictly."""
