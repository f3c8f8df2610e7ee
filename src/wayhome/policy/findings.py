"""What is wrong with a configuration: where, what, and what to write instead.

The text comes from files that anybody may have written, so what is quoted from them is shortened and its control
characters are made visible: a finding may be printed to any terminal.
"""

import enum
from dataclasses import dataclass

QUOTED_AT_MOST = 60
MOST = 100
"""Findings of each severity that are kept of one file."""


class Severity(enum.Enum):
    """An error refuses the configuration; a warning is probably not meant; a note is advice."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a configuration file.

    `line` counts from 1, and is None where the file as a whole is meant. `instead` is what to write. `file` is set
    where there are several.
    """

    severity: Severity
    line: int | None
    problem: str
    instead: str
    file: str = ""

    def __str__(self) -> str:
        parts = (quote(self.file), f"line {self.line}" if self.line else "")
        where = ", ".join(filter(None, parts))
        return f"{where}{': ' if where else ''}{self.problem}; {self.instead}"


def quote(text: str, at_most: int = QUOTED_AT_MOST) -> str:
    """A piece of somebody's text, on one line, safe to print, cut to so many characters."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: at_most + 1]
    )
    return shown if len(shown) <= at_most else shown[: at_most - 1] + "…"


class Findings:
    """Collects findings, so that one reading of a file reports everything that is wrong with it.

    Everything means the first MOST of each severity: nobody mends more at once, and a file may be wrong 100,000 times.
    """

    def __init__(self, file: str = "") -> None:
        """`file`: the one that they are about, where there are several."""
        self._file = file
        self._found: dict[Severity, list[Finding]] = {severity: [] for severity in Severity}
        self._more = dict.fromkeys(Severity, 0)

    def error(self, line: int | None, problem: str, instead: str, *, file: str = "") -> None:
        """Note something for which the configuration is refused."""
        self._add(Finding(Severity.ERROR, line, problem, instead, file or self._file))

    def warn(self, line: int | None, problem: str, instead: str) -> None:
        """Note something that is probably not meant."""
        self._add(Finding(Severity.WARNING, line, problem, instead, self._file))

    def note(self, line: int | None, problem: str, instead: str) -> None:
        """Note something that could be said better."""
        self._add(Finding(Severity.NOTE, line, problem, instead, self._file))

    def _add(self, finding: Finding) -> None:
        if self.full(finding.severity):
            self._more[finding.severity] += 1
        else:
            self._found[finding.severity].append(finding)

    def full(self, severity: Severity) -> bool:
        """Whether one more would only be counted, so that its text need not be found."""
        return len(self._found[severity]) >= MOST

    def by_line(self) -> tuple[Finding, ...]:
        """Everything, in the order of the file; what concerns the whole file first, and how many more there are last."""
        found = [finding for findings in self._found.values() for finding in findings]
        uncounted = [
            Finding(
                severity,
                None,
                f"there are {more:,} more {severity.value}s",
                "mend these first",
                self._file,
            )
            for severity, more in self._more.items()
            if more
        ]
        return (*sorted(found, key=lambda finding: finding.line or 0), *uncounted)
