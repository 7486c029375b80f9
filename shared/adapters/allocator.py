"""The C library's allocator: what a slice took goes back when it is freed.

By itself glibc raises the size from which it maps a block of its own, up to 32 MiB, as soon as one is freed. Each
thread's heap then keeps what its slices took. The environment variable for it is read when a process starts, and on
Flex Consumption the worker may have started before the app's settings were there.
"""

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc
_BYTES = 1_000_000  # less than any slice


def give_slices_back() -> bool:
    """Map blocks of 1 MB and more, for good. False where the C library has no such setting (musl, macOS)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _BYTES))
