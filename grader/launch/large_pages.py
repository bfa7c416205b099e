"""Large pages: make forks of the zygote cheaper.

fork() copies page tables, not pages; 2 MiB pages make the tables up to 512 times smaller. The zygote
holds a few hundred megabytes and a worker touches few of them, so most of the cost of starting and
ending a worker is the page table. A large page that a worker writes to is split for that worker only.
"""

from __future__ import annotations

import ctypes
import sys

# From the kernel's `include/uapi/asm-generic/mman-common.h`, since Linux 6.1.
_MADV_COLLAPSE = 25
_LARGE = 2 << 20


def collapse() -> None:
    """Move the anonymous memory of this process into large pages, if the kernel supports that."""
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
                # A failure changes nothing, so forks merely stay slower.
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)
