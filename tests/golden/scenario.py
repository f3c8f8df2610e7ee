"""`scripts/scenario`: a case's exports as a directory, for whoever wants to ask more of them than the tests do.

Nothing but Python's own library is needed: it may run before anything is installed.
"""
# ruff: noqa: T201 (a command prints)

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.golden.corpus import CASES, golden

USAGE = "scripts/scenario [CASE DIRECTORY]"


def main(arguments: Sequence[str]) -> int:
    """Make it, and say what to ask. Returns the exit status."""
    cases = {folder.name: json.loads((folder / "case.json").read_text()) for folder in CASES}
    if not arguments:
        print("\n".join(f"{name}: {case['about']}" for name, case in cases.items()))
        return 0
    if len(arguments) != 2:
        return _wrong(f"usage: {USAGE}")
    name, directory = arguments[0], Path(arguments[1])
    if name not in cases:
        return _wrong(f"there is no case {name!r}; {USAGE} without arguments lists them")
    if directory.exists():
        return _wrong(f"{directory} is there already: name a directory that is not")
    exports = golden(name, directory)
    print(cases[name]["about"])
    for command in ("why", "lab run"):
        asked = shlex.join([*cases[name]["ask"], "--from", str(exports)])
        print(f"wayhome {command} {asked}")
    return 0


def _wrong(said: str) -> int:
    print(said, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
