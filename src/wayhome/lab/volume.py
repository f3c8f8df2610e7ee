"""A ConfigMap volume, written as kubelet writes it.

The lab's agents watch what a real one watches: a folder with a hidden timestamped folder in it, a symlink `..data` to
that, and a symlink through `..data` for each file. An update writes a new timestamped folder and renames a new
`..data` over the old one, so that all files change at once. Two of kubelet's habits matter to an agent:

- the volume says `items:`, so a key that is not listed there is not projected, whatever it holds; with `optional:
  true` a ConfigMap without the listed key is no error and projects no file;
- an update that changes nothing is not written. A ConfigMap with only a wrong key, on a volume that was empty,
  hence changes nothing at all on the node: there is no event that an agent could see.

Source: Kubernetes' AtomicWriter (pkg/volume/util/atomic_writer.go) and its configmap volume plugin.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wayhome.lab import files

DATA = "..data"
NEW_DATA = "..data_tmp"


@dataclass(frozen=True, slots=True)
class ConfigMapVolume:
    """A volume at `folder`; `items` maps a ConfigMap's keys to names of files. Optional: a missing key is no error.

    `items` of None: the volume has none, and shows every key as a file of that name.
    """

    folder: Path
    items: Mapping[str, str] | None

    def project(self, data: Mapping[str, bytes]) -> bool:
        """Show a ConfigMap's data in the volume. Returns whether anything had to be written. Raises OSError."""
        names = {key: key for key in data} if self.items is None else self.items
        payload = {names[key]: content for key, content in data.items() if key in names}
        before = self._current()
        if before is not None and _content(self.folder / before) == payload:
            return False
        after = self._write(payload)
        (self.folder / NEW_DATA).symlink_to(after.name)
        (self.folder / NEW_DATA).rename(self.folder / DATA)
        self._link(payload)
        if before is not None:
            self._forget(before, payload)
        return True

    def _current(self) -> str | None:
        try:
            return (self.folder / DATA).readlink().name
        except FileNotFoundError:
            return None

    def _write(self, payload: Mapping[str, bytes]) -> Path:
        stamp = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.")
        folder = Path(tempfile.mkdtemp(prefix=stamp, dir=self.folder))
        folder.chmod(0o755)
        for name, content in payload.items():
            files.write(folder / name, content)
            (folder / name).chmod(0o644)
        return folder

    def _link(self, payload: Mapping[str, bytes]) -> None:
        """After the swap, so that a new file's link never leads nowhere. Older kubelets did it before."""
        for name in payload:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"{DATA}/{name}")

    def _forget(self, before: str, payload: Mapping[str, bytes]) -> None:
        for name in _content(self.folder / before).keys() - payload.keys():
            (self.folder / name).unlink()
        shutil.rmtree(self.folder / before)


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
