"""System calls of the lab that Python's library lacks, through ctypes: `os.unshare` and `os.setns` came with 3.12."""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int | bytes | None) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces (unshare(2)); CLONE_NEWPID: its children. Raises OSError."""
    _call("unshare", flags)


def setns(descriptor: int, kind: int) -> None:
    """Move the calling thread into the namespace behind a descriptor (setns(2)). Raises OSError."""
    _call("setns", descriptor, kind)


def mount(
    source: bytes | None, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None
) -> None:
    """Mount, or change a mount (mount(2)). Raises OSError."""
    _call("mount", source, target, kind, flags, data)


def die_with_parent(number: int) -> None:
    """Get that signal when the thread that forked this process ends (PR_SET_PDEATHSIG, prctl(2))."""
    _call("prctl", PR_SET_PDEATHSIG, number)
