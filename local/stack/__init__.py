"""The stack: its pieces are started, kept running, found again, and ended in order."""
