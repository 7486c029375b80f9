"""Hypothesis, the same at every run: fixed seeds, no deadline, no database of examples."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=40)
settings.load_profile("fixed")
