"""The command that undoes an apply, as it is printed: with the flags that lead to the same cluster, and a file where the old text is long.

The file has a name that no other has, because another run's may be the only copy of another text; it is whole, or it is
not there and the command holds the text itself.
"""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from wayhome.cluster.before import Before
from wayhome.cluster.outcome import Outcome
from wayhome.cluster.undo import undo_command, undo_patch

LONGEST = 2_000
"""Characters of a patch that may stand in a command; a longer one goes into a file."""


def kubectl_flags(kubeconfig: Path | None, context: str) -> tuple[str, ...]:
    """Kubectl's flags for the same cluster."""
    flags = (("--kubeconfig", str(kubeconfig) if kubeconfig else ""), ("--context", context))
    return tuple(word for flag, value in flags if value for word in (flag, value))


def undo_text(before: Before, outcome: Outcome, flags: Sequence[str]) -> str:
    """The command. A long patch is written to a file: in the working folder, else where temporary files are."""
    patch = undo_patch(before, midway=not outcome.is_finished)
    if patch is None or len(patch) <= LONGEST:
        return undo_command(before, flags, patch)
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        if file := _written(patch, folder, f"{before.configmap[1]}-"):
            return undo_command(before, flags, patch, file)
    return undo_command(before, flags, patch)


def _written(patch: str, folder: Path, prefix: str) -> str:
    """The new file; empty where it cannot be written, or not to its end."""
    try:
        descriptor, file = tempfile.mkstemp(".undo.json", prefix, folder)
    except OSError:
        return ""
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(patch)
    except OSError:
        with suppress(OSError):
            Path(file).unlink()
        return ""
    return file
