"""The case's files: its exports, and the list that the account puts into the ConfigMap.

There is one copy of them, `examples/the-case`. A wheel has it beside this module.
"""

from pathlib import Path

_INSTALLED = Path(__file__).with_name("example")
_IN_THE_REPOSITORY = Path(__file__).parents[4] / "examples" / "the-case"

FOLDER = _INSTALLED if _INSTALLED.is_dir() else _IN_THE_REPOSITORY
EXPORTS = FOLDER / "exports"
CONFIGURATION = (FOLDER / "config").read_bytes()
