"""Hypothesis, the same at every run: fixed seeds, no database of examples, nothing that a slow machine could fail."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fixed")
