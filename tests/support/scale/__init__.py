"""The real runner at scale, in simulated time: many files, people and instances, and Graph's published limits.

    python -m tests.support.scale            the whole table; ends non-zero where a figure falls short
    python -m tests.support.scale --small    the same with a tenth of the files

Everything is a thousandth in size and true in time: a slice has 1,024 bytes, and so the budget of bytes is smaller by
as much. Requests to Graph and to storage take as long as they are given here, a fifth more or less by a seed, and
nothing else takes time.
"""
