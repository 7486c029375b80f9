"""The stack: starts its pieces, keeps them running, finds one that runs, and ends it in order."""
