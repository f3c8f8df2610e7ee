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
        self._volume = Volume(path.parent)

    def read(self) -> Reading:
        """Look at the file. Never raises."""
        found = read_file(self.path) or self._missing()
        return self._volume.judged(found)

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


class Volume:
    """The file system that a folder is on.

    Where a volume is unmounted, the empty folder under it comes to light. That nothing is in there does not say that
    the configuration was removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._device: int | None = None
        """The one on which a configuration was last found."""

    def judged(self, reading: Reading) -> Reading:
        """The reading of a moment ago, in this light."""
        if not isinstance(reading, (Present, Missing)):
            return reading
        try:
            device = self._folder.stat().st_dev
        except OSError as error:
            return reading if isinstance(reading, Present) else no_folder(self._folder, error)
        if isinstance(reading, Present):
            self._device = device
        elif self._device not in (None, device):
            return Unreadable(
                f"the volume that held the configuration is not mounted any more on {self._folder}; mount it again, or "
                "restart the agent if there is to be none"
            )
        return reading


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
