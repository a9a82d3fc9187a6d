"""Objects of OpenADR 3 -> nouns of the model."""
