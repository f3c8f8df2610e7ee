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
    """A file: its path relative to the directory, with `/`, and what it holds."""

    path: str
    data: bytes


def read_files(directory: Path, findings: Findings) -> Iterator[File]:
    """All regular files, one at a time. Raises UnreadableDirectoryError for the directory itself."""
    try:
        os.scandir(directory).close()
    except OSError as error:
        raise UnreadableDirectoryError(f"cannot read {directory}: {error.strerror}") from None
    yield from _walk(directory, "", findings)


def _walk(folder: Path, prefix: str, findings: Findings) -> Iterator[File]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        findings.error(prefix, "", f"cannot be read ({error.strerror})", "make it readable")
        return
    for entry in found:
        path = f"{prefix}{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            findings.warn(path, "", "is a symbolic link, which is not followed", "copy the file")
        elif entry.is_dir(follow_symlinks=False):
            if prefix.count("/") >= DEEPEST:
                findings.error(path, "", "lies too deep", f"use at most {DEEPEST} folders")
            else:
                yield from _walk(Path(entry.path), f"{path}/", findings)
        else:
            data = _read(entry.path, path, findings)
            if data is not None:
                yield File(path, data)


def _read(place: str, path: str, findings: Findings) -> bytes | None:
    try:
        # What was a file a moment ago may be a link or a FIFO by now.
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                findings.warn(path, "", "is no regular file, and was not opened", "remove it")
            elif status.st_size > MOST_BYTES:
                findings.error(path, "", "is larger than 1 GiB", "split it by project")
            else:
                return opened.read()
    except OSError as error:
        findings.error(path, "", f"cannot be read ({error.strerror})", "make it readable")
    return None
