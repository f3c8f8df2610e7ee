"""What a node knew on disk, so that a restart begins with it: the last good configuration, and in API mode the Pod ranges.

A configuration is the text itself, behind one line with a checksum, and goes through the parser again: what flags of a newer
start no longer allow is not resurrected. It is written to a temporary file, synchronised and renamed, so that a full
disk or a killed process leaves the one before.

A node on which the folder cannot be written loses only this; upstream's DaemonSet, for one, has no writable path.
"""

import contextlib
import os
import zlib
from pathlib import Path
from typing import NamedTuple

_HEADER = b"wayhome 1 "


class Loss(NamedTuple):
    """What a restart would begin with where something could not be written, in words for the log."""

    when: str
    unknown: str
    """Where nothing is on disk."""
    earlier: str
    """Where something older is."""
    removed: str = ""
    """Where what is there should be gone; empty for what is never removed."""


OF_CONFIGURATION = Loss(
    "after a restart without a readable configuration",
    "upstream's defaults would apply",
    "the configuration before it would apply",
    "the configuration that was removed would apply again",
)


class Memory:
    """Remembers one thing in a folder; `folder` None remembers nothing.

    `name` is the file's: what one dialect wrote means nothing in another. `loss`: what it costs if it is not written.
    """

    def __init__(
        self,
        folder: Path | None,
        name: str = "last-good-configuration",
        loss: Loss = OF_CONFIGURATION,
    ) -> None:
        self._folder = folder
        self._name = name
        self._loss = loss
        self._known: bytes | None = None
        self._failed = False

    def recall(self) -> tuple[bytes | None, str]:
        """What was remembered, or None; and why it cannot be used, if that is so."""
        if self._folder is None:
            return None, ""
        try:
            content = (self._folder / self._name).read_bytes()
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            return None, f"{self._folder / self._name} cannot be read: {error.strerror}"
        header, _, data = content.partition(b"\n")
        if header != _HEADER + str(zlib.crc32(data)).encode():
            return None, f"{self._folder / self._name} is damaged and ignored"
        self._known = data
        return data, ""

    def remember(self, data: bytes | None) -> str:
        """Keep it, or forget it (None). Returns what is lost, the first time that this fails."""
        if self._folder is None or (data == self._known and not self._failed):
            return ""
        try:
            if data is None:
                (self._folder / self._name).unlink(missing_ok=True)
            else:
                _write(self._folder, self._name, data)
        except OSError as error:
            said, self._failed = self._failed, True
            return "" if said else f"{self._folder}: {error.strerror}; {self._lost(data)}"
        self._known, self._failed = data, False
        return ""

    def _lost(self, data: bytes | None) -> str:
        if self._known is None:
            effect = self._loss.unknown
        elif data is None:
            effect = self._loss.removed
        else:
            effect = self._loss.earlier
        return f"{self._loss.when}, {effect}"


def forget_all(folder: Path) -> list[Path]:
    """Remove every file in the folder that bears our mark, whichever dialect wrote it. Returns them. Raises OSError."""
    try:
        ours = [file for file in sorted(folder.iterdir()) if file.is_file() and _is_ours(file)]
    except FileNotFoundError:
        return []
    for file in ours:
        file.unlink()
    return ours


def _is_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_HEADER)) == _HEADER


def _write(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f".{name}.new"
    try:
        with temporary.open("wb") as file:
            file.write(_HEADER + str(zlib.crc32(data)).encode() + b"\n" + data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / name)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)  # the rename itself
    finally:
        os.close(descriptor)
