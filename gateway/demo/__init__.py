"""The demonstration: real servers, real processes, verdicts from what was measured."""
