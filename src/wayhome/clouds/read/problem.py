"""What is wrong with one place in a file, in our own words."""

import re
from dataclasses import dataclass

import msgspec

from wayhome.clouds.read.listing import Listing
from wayhome.clouds.resource import Resource
from wayhome.policy.findings import QUOTED_AT_MOST, quote

_PLACE = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[`]+)|\[(?P<index>\d+)\]")

_LONGEST = 300
"""Characters of a message."""

EXPORT_AGAIN = "export it again, unchanged"


@dataclass(frozen=True, slots=True)
class Problem:
    """A place that was not understood, and the kind of object that is unknown because of it."""

    pointer: str
    problem: str
    listing: Listing | None = None
    kind: type[Resource] | None = None
    instead: str = EXPORT_AGAIN


def explained(
    error: Exception,
    pointer: str,
    listing: Listing | None,
    kind: type[Resource] | None = None,
) -> Problem:
    """What the parser's error says, with the place as a pointer."""
    if isinstance(error, RecursionError):
        return Problem(pointer, "is nested too deeply", listing, kind)
    if isinstance(error, UnicodeDecodeError):
        return Problem(pointer, "is not UTF-8", listing, kind, "save it as UTF-8")
    text = _printable(str(error))
    place = _PLACE.search(text)
    if place:
        pointer += _pointer(place["path"])
        text = text[: place.start()]
    if isinstance(error, msgspec.ValidationError):
        return Problem(pointer, text[:1].lower() + text[1:].replace("`", ""), listing, kind)
    return Problem(pointer, f"is not JSON ({text})", listing, kind)


def _printable(text: str) -> str:
    """All of a message, safe to print: it may repeat a value."""
    text = text[:_LONGEST]
    return "".join(
        quote(text[at : at + QUOTED_AT_MOST]) for at in range(0, len(text), QUOTED_AT_MOST)
    )


def _pointer(path: str) -> str:
    """`.networkInterfaces[0].network` as a JSON pointer, up to where msgspec does not say which key it was."""
    pointer, at = "", 0
    while step := _STEP.match(path, at):
        pointer += "/" + (step["key"] or step["index"])
        at = step.end()
    return pointer
