"""How a configuration is written: in upstream's one file, in Azure's several (`fragments`), in several ConfigMaps."""

from collections.abc import Callable
from dataclasses import dataclass

from wayhome.policy.configuration import Configuration, Parsed, Settings, defaults, is_empty, parse


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a source's text means."""

    parse: Callable[[bytes, Settings], Parsed]
    """Never raises for what the text holds."""
    is_empty: Callable[[bytes], bool]
    """Whether the text holds nothing at all."""
    empty: Callable[[Settings], Configuration]
    """What a text that holds nothing means on a node that never had another one."""
    parts: Callable[[bytes], frozenset[str]] = lambda _: frozenset()
    """The names of the texts in it that somebody may take away one by one."""


UPSTREAM = FileFormat(parse, is_empty, defaults)
