"""How a configuration is written: in upstream's one file, or in Azure's several (`fragments`)."""

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


UPSTREAM = FileFormat(parse, is_empty, defaults)
