"""Collects what is wrong with a directory: the first of each severity and file, and how many more there are."""

from wayhome.clouds.finding import Finding
from wayhome.policy.findings import Severity

MOST = 50
"""Findings of one severity in one file that are kept: nobody mends more at once, and a file may be wrong 100,000 times."""


class Findings:
    """Findings, in the order in which they are found."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._counts: dict[tuple[Severity, str], int] = {}

    def error(self, file: str, pointer: str, problem: str, instead: str) -> None:
        """Note what was not understood, and is therefore unknown."""
        self._add(Finding(Severity.ERROR, file, pointer, problem, instead))

    def warn(self, file: str, pointer: str, problem: str, instead: str) -> None:
        """Note what does not fit together, or is probably not meant."""
        self._add(Finding(Severity.WARNING, file, pointer, problem, instead))

    def note(self, file: str, pointer: str, problem: str, instead: str) -> None:
        """Note what was not needed."""
        self._add(Finding(Severity.NOTE, file, pointer, problem, instead))

    def _add(self, finding: Finding) -> None:
        key = finding.severity, finding.file
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] <= MOST:
            self._found.append(finding)

    def all(self) -> tuple[Finding, ...]:
        """Everything by file, errors first; how many more there are stands last."""
        more = [
            Finding(
                severity, file, "", f"there are {count - MOST:,} more of these", "mend these first"
            )
            for (severity, file), count in self._counts.items()
            if count > MOST
        ]
        order = list(Severity)
        return tuple(
            sorted(
                [*self._found, *more], key=lambda one: (order.index(one.severity), one.file)
            )  # stable: within a file in the order of its text
        )
