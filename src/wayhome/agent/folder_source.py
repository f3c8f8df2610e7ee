"""Azure's configuration: every file of a folder whose name begins with `ip-masq`.

The files of a volume change together, by the swap of its `..data` link. If that happens between reading one file and
the next, all are read again: half of an old configuration and half of a new one is neither.
"""

from pathlib import Path

from wayhome.agent.reading import Missing, Present, Reading, Unreadable
from wayhome.agent.source import Volume, no_folder, read_file
from wayhome.policy.united import pack

PREFIX = "ip-masq"
ATTEMPTS = 10


class FolderSource:
    """The files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._volume = Volume(folder)

    def read(self) -> Reading:
        """Look at the files. Never raises."""
        return self._volume.judged(self._read())

    def _read(self) -> Reading:
        for _ in range(ATTEMPTS):
            before = self._version()
            try:
                names = sorted(p.name for p in self.folder.iterdir() if p.name.startswith(PREFIX))
            except OSError as error:
                return no_folder(self.folder, error)
            files = {name: read_file(self.folder / name) for name in names}
            gone = any(found is None for found in files.values())
            if self._version() == before and not gone:
                return self._reading(files)
        return Unreadable(f"the files in {self.folder} change faster than they can be read")

    def _version(self) -> str:
        try:
            return str((self.folder / "..data").readlink())
        except OSError:
            return ""  # not a volume

    def _reading(self, files: "dict[str, Present | Unreadable | None]") -> Reading:
        contents: dict[str, bytes] = {}
        for name, found in files.items():
            if isinstance(found, Unreadable):
                return found
            if found is not None:
                contents[name] = found.data
        if not contents:
            return Missing(f"{self.folder} holds no file whose name begins with {PREFIX}")
        return Present(pack(contents))
