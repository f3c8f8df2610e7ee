"""Damage, as files and people do it: one place of one file of a directory of exports, chosen by chance."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e300,
    "",
    "\x1b[2J",
    [],
    {},
    [[]],
    {"a": 1},
    "0.0.0.0/33",
    "projects/",
)
Place = tuple[Any, Any]


def flipped(file: Path, chance: random.Random) -> str:
    """A byte becomes another one."""
    data = bytearray(file.read_bytes())
    at = chance.randrange(len(data))
    data[at] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    return f"byte {at}"


def cut(file: Path, chance: random.Random) -> str:
    """The rest is not there."""
    data = file.read_bytes()
    at = chance.randrange(1, len(data))
    file.write_bytes(data[:at].rstrip()[:-1] + b" ")
    return f"from byte {at} on"


def lacking(file: Path, chance: random.Random) -> str:
    """A field is not there."""
    document, (place, key) = _somewhere(file, chance)
    del place[key]
    file.write_text(json.dumps(document))
    return f"field {key}"


def mistyped(file: Path, chance: random.Random) -> str:
    """A value is of another type, or none that can be."""
    document, (place, key) = _somewhere(file, chance)
    place[key] = chance.choice(STRANGE)
    file.write_text(json.dumps(document))
    return f"{key} is {place[key]!r}"


def _somewhere(file: Path, chance: random.Random) -> tuple[Any, Place]:
    document = json.loads(file.read_text())
    holder = {"": document}
    return holder[""], chance.choice(list(_places(document)) or [(holder, "")])


def _places(value: Any) -> Iterator[Place]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield value, key
        yield from _places(inner)
