"""Large pages: forking copies the table of pages, not the pages, and with large ones that table is short.

The zygote holds some hundred megabytes and a worker touches a few of them, so most of what it takes to start and
to end a worker is the table. A large page that a worker writes to is divided for that worker alone.
"""

from __future__ import annotations

import ctypes
import sys

# From the kernel's `include/uapi/asm-generic/mman-common.h`, since Linux 6.1.
_MADV_COLLAPSE = 25
_LARGE = 2 << 20


def collapse() -> None:
    """Put the memory of this process that is no file's into large pages, where the kernel can do that."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    with open("/proc/self/maps") as maps:
        places = [line.split() for line in maps]
    for addresses, rights, _, _, _, *name in places:
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in addresses.split("-"))
            start, end = -(-start // _LARGE) * _LARGE, end // _LARGE * _LARGE
            if start < end:
                # Where it fails, all stays as it was, only slower.
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)
