"""The files of a directory, in a fixed order.

A directory of exports may come from anybody. Links are not followed, and what is no regular file is not opened: a
FIFO would be waited for without end. Folders and files whose names begin with a dot are somebody else's.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wayhome.clouds.read.findings import Findings

MOST_BYTES = 1 << 30
"""Of one file. 100,000 routes take 70 MB."""

DEEPEST = 32
"""Folders in each other."""


class UnreadableDirectoryError(Exception):
    """There is no such directory, or it may not be read."""


@dataclass(frozen=True, slots=True)
class File:
    """A file: its path relative to the directory, with `/`, and what it holds.

    Where that could not be read, `data` is None, and `problem` says why; a folder ends in `/`.
    """

    path: str
    data: bytes | None
    problem: str = ""


def read_files(directory: Path, findings: Findings) -> Iterator[File]:
    """All regular files, one at a time. Raises UnreadableDirectoryError for the directory itself.

    Links and what is no file are noted, and are not part of the exports. What should be read and cannot be is.
    """
    try:
        os.scandir(directory).close()
    except OSError as error:
        raise UnreadableDirectoryError(f"cannot read {directory}: {error.strerror}") from None
    yield from _walk(directory, "", findings)


def _walk(folder: Path, prefix: str, findings: Findings) -> Iterator[File]:
    try:
        with os.scandir(folder) as entries:
            in_order = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield File(prefix, None, f"cannot be read ({error.strerror})")
        return
    for entry in in_order:
        path = f"{prefix}{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            findings.warn(path, "", "is a symbolic link, which is not followed", "copy the file")
        elif entry.is_dir(follow_symlinks=False):
            if prefix.count("/") >= DEEPEST:
                yield File(f"{path}/", None, f"lies in more than {DEEPEST} folders")
            else:
                yield from _walk(Path(entry.path), f"{path}/", findings)
        else:
            found = _read(entry.path, path)
            if found is None:
                findings.warn(path, "", "is no regular file, and was not opened", "remove it")
            else:
                yield found


def _read(place: str, path: str) -> File | None:
    try:
        # What was a file a moment ago may be a link or a FIFO by now.
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            if status.st_size > MOST_BYTES:
                return File(path, None, "is larger than 1 GiB")
            return File(path, opened.read())
    except OSError as error:
        return File(path, None, f"cannot be read ({error.strerror})")
