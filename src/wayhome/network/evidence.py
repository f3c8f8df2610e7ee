"""Where a fact comes from: the object that says it, its file, and the place in that file."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place in an export.

    `object` is the object's full name (`projects/P/global/routes/R`). `file` is relative to the directory that was
    read; it is empty for what a cloud does by itself and no export shows, such as an implied firewall rule. `pointer`
    is a JSON pointer (RFC 6901) into that file; of a file that holds several JSON documents, its first token counts
    the documents from 0. It is empty where the whole file is meant, or where the file is no JSON.
    """

    object: str
    file: str = ""
    pointer: str = ""

    def at(self, *tokens: str | int) -> Self:
        """A place within this one."""
        steps = "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
        return type(self)(self.object, self.file, self.pointer + steps)

    def __str__(self) -> str:
        return f"{self.object} ({self.file}{self.pointer})" if self.file else self.object
