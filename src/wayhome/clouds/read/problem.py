"""What is wrong with one place in a file, in our own words."""

import re
from dataclasses import dataclass

import msgspec

from wayhome.clouds.read.listing import Listing
from wayhome.clouds.resource import Resource
from wayhome.policy.findings import quote

_PLACE = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[`]+)|\[(?P<index>\d+)\]")

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
    """What the parser's error says, with the place as a pointer. It never repeats the file's own text unquoted."""
    if isinstance(error, RecursionError):
        return Problem(pointer, "is nested too deeply", listing, kind)
    if isinstance(error, UnicodeDecodeError):
        return Problem(pointer, "is not UTF-8", listing, kind, "save it as UTF-8")
    text = str(error)
    place = _PLACE.search(text)
    if place:
        pointer += _pointer(place["path"])
        text = text[: place.start()]
    if isinstance(error, msgspec.ValidationError):
        return Problem(pointer, quote(text.replace("`", "")).lower(), listing, kind)
    return Problem(pointer, f"is not JSON ({quote(text)})", listing, kind)


def _pointer(path: str) -> str:
    """`.networkInterfaces[0].network` as a JSON pointer, up to where msgspec does not say which key it was."""
    pointer, at = "", 0
    while step := _STEP.match(path, at):
        pointer += "/" + (step["key"] or step["index"])
        at = step.end()
    return pointer
