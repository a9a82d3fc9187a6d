"""What the OpenADR 2.0b benchmarks share."""
