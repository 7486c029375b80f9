"""Makes the C library's allocator return the memory of a slice to the system when the slice is freed.

By default glibc keeps such memory: when a block that it mapped is freed, it raises the size from which it maps blocks,
up to 32 MiB. Smaller blocks then come from the heap of a thread, and stay there. An environment variable could prevent
that; but it is read when a process starts, and on Flex Consumption the worker may start before it has the app's
settings.
"""

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc
_BYTES = 1_000_000  # less than any slice


def give_slices_back() -> bool:
    """Always map blocks of 1 MB and more. False where the C library has no such setting (musl, macOS)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _BYTES))
