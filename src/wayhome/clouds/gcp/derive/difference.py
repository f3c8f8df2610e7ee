"""A finding for each destination that is derived and not listed, or listed and not derived."""

from collections.abc import Iterator, Mapping

from wayhome.clouds.finding import Finding
from wayhome.network.evidence import Evidence
from wayhome.policy.findings import Severity
from wayhome.prefixes import Prefix

Places = Mapping[Prefix, Evidence]


def differences(what: str, derived: Places, listed: Places) -> Iterator[Finding]:
    """Both by destination, with the place that makes or lists the route; `what` names the kind of routes."""
    for prefix in sorted(derived.keys() - listed.keys()):
        yield difference(
            derived[prefix],
            f"the {what} to {prefix} follows from this, and the cloud does not list it",
        )
    for prefix in sorted(listed.keys() - derived.keys()):
        yield difference(
            listed[prefix],
            f"the {what} to {prefix} is listed, and nothing that was exported makes it",
        )


def difference(at: Evidence, problem: str) -> Finding:
    """Exports that contradict each other: most often they were made at different times."""
    instead = "export both again, at the same time"
    return Finding(Severity.WARNING, at.file, at.pointer, problem, instead)
