"""Memory a search asks the system for: reserved whole, paid for only where it is touched."""

import ctypes
import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

__all__ = ["Pages", "available_bytes"]

# Python names the flag only from 3.13 on; Linux has this number on every architecture we run on.
_NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if sys.platform == "linux" else 0)
_MEMINFO = Path("/proc/meminfo")
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


class Pages:
    """`size` bytes of zeros at `address`, in huge pages where the system has them.

    Raises `MemoryError` where not even the address space is to be had.
    """

    def __init__(self, size: int) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        try:
            self._map = mmap.mmap(-1, max(size, mmap.PAGESIZE), flags=flags)
        except (OSError, OverflowError) as error:
            raise MemoryError(f"cannot map {size} bytes") from error
        advice = getattr(mmap, "MADV_HUGEPAGE", None)
        if advice is not None:
            with suppress(OSError):  # a kernel without huge pages: slower, no less right
                self._map.madvise(advice)
        self._anchor: ctypes.Array[ctypes.c_char] | None = (ctypes.c_char * 1).from_buffer(
            self._map
        )
        self.address = ctypes.addressof(self._anchor)
        self.size = size

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`."""
        self._map[offset : offset + len(data)] = data

    def read(self, size: int, offset: int = 0) -> bytes:
        """`size` bytes from `offset`."""
        return self._map[offset : offset + size]

    def close(self) -> None:
        """Give the memory back."""
        self._anchor = None
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def available_bytes() -> int:
    """Memory that can be had without swapping: the least of the machine's and the group's."""
    found = []
    with suppress(OSError, ValueError):
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
    for limit, used in _CGROUPS:
        try:
            found.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    if not found:
        try:
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
        except (ValueError, OSError):
            found.append(2 << 30)
    return max(0, min(found))
