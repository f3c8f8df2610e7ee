"""Notices that a folder has changed (inotify(7)), through ctypes: forty lines and no dependency.

The folder is watched and not the file: the kubelet replaces a ConfigMap volume by renaming its `..data` symlink, and
editors replace a file by renaming another one over it. A file that is written in place counts when it is closed, so
that half of it is never read on our account; that a new file was created counts only where it is complete at once
(a symlink, a hard link).
"""

import ctypes
import errno
import os
import stat
import struct
from pathlib import Path

IN_CLOSE_WRITE = 0x8
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
IN_UNMOUNT = 0x2000
IN_Q_OVERFLOW = 0x4000
IN_IGNORED = 0x8000
IN_ONLYDIR = 0x01000000
_INTERESTING = (
    IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
)  # fmt: skip
_ENDED = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED

_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class FolderWatch:
    """Watches one folder; readable (`fileno`) when something happened in it."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError: EMFILE and ENOSPC (the user's or the system's limits), ENOENT, EACCES."""
        self._folder = folder
        self._descriptor: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise _error("inotify_init1")
        self._identity = _identity(folder)
        mask = _INTERESTING | IN_ONLYDIR
        if _libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask) < 0:
            error = _error("inotify_add_watch")
            self.close()
            raise error

    def fileno(self) -> int:
        """For an event loop."""
        return self._descriptor

    def drain(self) -> tuple[bool, bool]:
        """Take all events. Returns whether something changed, and whether the folder is still watched."""
        changed = False
        alive = True
        while True:
            try:
                data = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return changed, alive
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            position = 0
            while position < len(data):
                _, mask, _, length = _EVENT.unpack_from(data, position)
                name = data[position + _EVENT.size : position + _EVENT.size + length].rstrip(b"\0")
                position += _EVENT.size + length
                alive = alive and not mask & _ENDED
                changed = changed or not self._half_made(mask, name)

    def _half_made(self, mask: int, name: bytes) -> bool:
        """Whether this is a new file that its writer still has to fill: its close will be reported too."""
        if not mask & IN_CREATE:
            return False
        try:
            made = (self._folder / os.fsdecode(name)).lstat()
        except OSError:
            return True  # already gone again
        return stat.S_ISREG(made.st_mode) and made.st_nlink == 1

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the folder that is watched: a symlink in it may lead elsewhere now."""
        return _identity(self._folder) == self._identity

    def close(self) -> None:
        """Stop watching."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _error(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}")
