"""What a file that is not understood was probably about, so that only that is unknown.

It is looked for in the raw text: whatever kinds of objects and links to objects occur there.
"""

import re

from wayhome.clouds.read import kinds
from wayhome.clouds.read.naming import project_of
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference

_KIND = re.compile(rb'"(?:kind|asset_type|assetType)"\s*:\s*"([^"\\]{1,100})"')
_LINK = re.compile(rb'"selfLink"\s*:\s*"([^"\\]{1,300})"')


def kinds_in(text: bytes) -> frozenset[type[Resource]]:
    """Kinds that we use and that occur in the text; none: nothing is known about it."""
    words = {word.decode("utf-8", "replace") for word in _KIND.findall(text)}
    found = {kinds.of_kind(word, "") or kinds.of_asset(word) for word in words}
    found |= {kinds.of_link(link) for link in _links(text)}
    return frozenset(kind for kind in found if kind)


def projects_in(text: bytes) -> frozenset[str]:
    """Projects whose objects occur in the text."""
    return frozenset(project_of(link) for link in _links(text) if link.startswith("projects/"))


def _links(text: bytes) -> set[Reference]:
    return {Reference(link.decode("utf-8", "replace")) for link in set(_LINK.findall(text))}
