"""Error numbers of hypercalls: xen/include/public/errno.h. A hypercall returns them negative."""

from enum import IntEnum

__all__ = ["Errno"]


class Errno(IntEnum):
    """What went wrong, as Xen numbers it."""

    EPERM = 1
    ENOENT = 2
    ESRCH = 3
    ENOMEM = 12
    EACCES = 13
    EFAULT = 14
    EBUSY = 16
    EEXIST = 17
    EINVAL = 22
    ENOSPC = 28
    ENOSYS = 38
    EOPNOTSUPP = 95
