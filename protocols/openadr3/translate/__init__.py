"""OpenADR 3 objects -> the model's nouns."""
