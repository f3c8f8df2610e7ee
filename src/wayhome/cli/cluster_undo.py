"""The command that undoes an apply, as it is printed: with the flags that lead to the same cluster, and a file where the old text is long."""

from collections.abc import Sequence
from pathlib import Path

from wayhome.cluster.before import Before
from wayhome.cluster.undo import undo_command, undo_patch

LONGEST = 2_000
"""Characters of a patch that may stand in a command; a longer one goes into a file."""


def kubectl_flags(kubeconfig: Path | None, context: str) -> tuple[str, ...]:
    """Kubectl's flags for the same cluster."""
    flags = (("--kubeconfig", str(kubeconfig) if kubeconfig else ""), ("--context", context))
    return tuple(word for flag, value in flags if value for word in (flag, value))


def undo_text(before: Before, flags: Sequence[str]) -> str:
    """The command. A long patch is written to a file in the working folder, if that is possible."""
    patch = undo_patch(before)
    if patch is None or len(patch) <= LONGEST:
        return undo_command(before, flags)
    version = before.there.version if before.there else "0"
    file = Path(f"{before.configmap[1]}-{version}.undo.json").absolute()
    try:
        file.write_text(patch)
    except OSError:
        return undo_command(before, flags)
    return undo_command(before, flags, str(file))
