"""In processes of their own: the setting is for good, and the test process may have it already."""

import platform
import subprocess
import sys

import pytest

PROBE = """
import ctypes
from shared.adapters.allocator import give_slices_back

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
if {given}:
    assert give_slices_back()
before = libc.mallinfo2().hblks
for _ in range(2):  # the first one that is freed is what teaches the C library to keep the next
    block = bytearray(3_932_160)
    mapped = libc.mallinfo2().hblks - before
    del block
print(mapped)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
@pytest.mark.parametrize(("given", "mapped"), [(True, "1"), (False, "0")])
def test_a_slice_has_a_block_of_its_own_also_after_another_was_freed(given: bool, mapped: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(given=given)], capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout.strip() == mapped
