"""Real processes on Azurite, killed at random moments, by seed. `python -m tests.real --rounds N` plays many."""
