"""Fixed seeds for every property test: what failed once fails again."""

from hypothesis import HealthCheck, settings

# No deadline: a busy machine is no fault of the code.
settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")
