"""The configuration file, as the kubelet or a person puts it there.

A file that is not there has many reasons, and most of them are mistakes that nobody notices: upstream's agent says
nothing and uses its defaults. So a look at the folder around it goes into the hint.
"""

import errno
import os
import stat
from pathlib import Path

from wayhome.agent.reading import Missing, Present, Reading, Unreadable
from wayhome.policy.configuration import LARGEST
from wayhome.policy.findings import quote


class FileSource:
    """One configuration file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Reading:
        """Look at the file. Never raises."""
        return read_file(self.path) or self._missing()

    def _missing(self) -> Reading:
        folder, name = self.path.parent, self.path.name
        try:
            names = sorted(path.name for path in folder.iterdir())
        except OSError as error:
            return no_folder(folder, error)
        others = [quote(other) for other in names if not other.startswith("..") and other != name]
        create = (
            "kubectl create configmap ip-masq-agent --from-file=config=FILE --namespace kube-system"
        )
        if others:
            return Missing(
                f"{folder} holds {', '.join(others[:3])} and not {name}: a configuration has effect only under "
                f"that name. In a ConfigMap the key must be config: {create}"
            )
        if "..data" in names:
            return Missing(
                f"the ConfigMap volume {folder} holds no {name}: there is no ConfigMap, or its key is not config "
                f"(kubectl names the key after the file). Make it with: {create}"
            )
        return Missing(f"{folder} is empty; a configuration goes to {self.path}")


def read_file(path: Path) -> Present | Unreadable | None:
    """What a file holds; None if there is none. Never blocks: a FIFO or a device is not a configuration."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unreadable(f"{path} cannot be read: {error.strerror}")
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Unreadable(f"{path} is not a file")
        # One byte more than allowed is enough to know that it is too much.
        return Present(_read_at_most(descriptor, LARGEST + 1))
    except OSError as error:
        return Unreadable(f"{path} cannot be read: {error.strerror}")
    finally:
        os.close(descriptor)


def no_folder(folder: Path, error: OSError) -> Unreadable:
    """What a folder that cannot be listed says about the configuration in it."""
    if error.errno == errno.ENOENT:
        return Unreadable(f"there is no folder {folder}: no volume is mounted there")
    return Unreadable(f"{folder} cannot be read: {error.strerror}")


def _read_at_most(descriptor: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(descriptor, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
