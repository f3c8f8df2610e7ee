"""What the folder that a file is in says about it.

People put what belongs together into one folder: one for each project, one for each cluster, or one for everything if
there is only one of each. So what a file does not say itself is taken from the nearest folder that says it.
"""

import posixpath
from collections.abc import Iterator


class Folders:
    """What is named by the files of each folder and of the folders below it."""

    def __init__(self) -> None:
        self._named: dict[str, set[str]] = {}
        self._added: set[tuple[str, str]] = set()

    def add(self, file: str, name: str) -> None:
        """Note that a file names something: a project, or a cluster."""
        if (file, name) in self._added:
            return
        self._added.add((file, name))
        for folder in enclosing(file):
            self._named.setdefault(folder, set()).add(name)

    def nearest(self, file: str) -> frozenset[str]:
        """What is named in the nearest folder that names anything; the right answer has one element."""
        for folder in enclosing(file):
            if folder in self._named:
                return frozenset(self._named[folder])
        return frozenset()


def enclosing(file: str) -> Iterator[str]:
    """The folders that a file is in, from its own to the directory itself, which is ''."""
    folder = posixpath.dirname(file)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""
