"""The last good configuration on disk, so that a restart begins with it and not with the defaults.

It is the text itself, behind one line with a checksum, and goes through the parser again: what flags of a newer
start no longer allow is not resurrected. It is written to a temporary file, synchronised and renamed, so that a full
disk or a killed process leaves the one before.

A node on which the folder cannot be written loses only this; upstream's DaemonSet, for one, has no writable path.
"""

import contextlib
import os
import zlib
from pathlib import Path

_HEADER = b"wayhome 1 "


class Memory:
    """Remembers one configuration in a folder; `folder` None remembers nothing.

    `name` is the file's: what one dialect wrote means nothing in another.
    """

    def __init__(self, folder: Path | None, name: str = "last-good-configuration") -> None:
        self._folder = folder
        self._name = name
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
        """Keep a configuration, or forget it (None). Returns what is lost, the first time that this fails."""
        if self._folder is None or (data == self._known and not self._failed):
            return ""
        try:
            if data is None:
                (self._folder / self._name).unlink(missing_ok=True)
            else:
                _write(self._folder, self._name, data)
        except OSError as error:
            said, self._failed = self._failed, True
            return "" if said else f"{self._folder}: {error.strerror}; {self._loss(data)}"
        self._known, self._failed = data, False
        return ""

    def _loss(self, data: bytes | None) -> str:
        if self._known is None:
            effect = "upstream's defaults would apply"
        elif data is None:
            effect = "the configuration that was removed would apply again"
        else:
            effect = "the configuration before it would apply"
        return f"after a restart without a readable configuration, {effect}"


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
