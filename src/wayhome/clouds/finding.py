"""What is wrong with a directory of exports: in which file, where in it, what, and what to do instead."""

from dataclasses import dataclass

from wayhome.policy.findings import Severity, quote

LONGEST_PLACE = 1000
"""Characters of a path, a pointer or a full name: one that is cut names nothing. Those of clouds have 200."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `pointer` is a JSON pointer into the file, as in `Evidence`.

    An ERROR means that something was not understood, and that no verdict is built on it; a WARNING, that exports do
    not fit together; a NOTE, that a file was not needed.
    """

    severity: Severity
    file: str
    pointer: str
    problem: str
    instead: str

    def __str__(self) -> str:
        where = ", ".join(quoted_place(part) for part in (self.file, self.pointer) if part)
        return f"{where}: {self.problem}; {self.instead}"


def quoted_place(text: str) -> str:
    """A path or a full name, safe to print."""
    return quote(text, LONGEST_PLACE)
