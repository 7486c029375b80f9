"""Measures the budgets: `python -m bench`. Every figure is a ratio within one run, against `bench.plain`.

A development tool, never deployed. docs/PERFORMANCE.md has the figures, and says what limits them.
"""
