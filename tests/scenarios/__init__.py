"""Whole uploads on fakes: what goes wrong, and what comes of it all the same. One file per family of faults."""
