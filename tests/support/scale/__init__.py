"""The real runner at scale, in simulated time: many files, people and instances, and Graph's published limits.

    python -m tests.support.scale            the whole table; the status is not 0 where a figure falls short
    python -m tests.support.scale --small    the same with a tenth of the files

Sizes are small and times are real: a slice has 1,024 bytes, and the budget of bytes is smaller by the same factor.
Requests to Graph and to storage take the times that are given here, varied by up to a fifth, by a seed; nothing else
takes time.
"""
