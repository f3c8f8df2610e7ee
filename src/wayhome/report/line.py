"""A line of text for people, before anybody knows how wide their terminal is, or whether it has colours."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """What a line is for; a terminal may show it."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    TEXT = "text"
    QUIET = "quiet"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Line:
    """`indent` columns of space, `head`, and the text, which goes on below itself where it is too long.

    A command is one line however long it is, so that it can be copied.
    """

    text: str
    indent: int = 0
    head: str = ""
    role: Role = Role.TEXT
