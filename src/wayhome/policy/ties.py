"""Two entries for one range that say different things. The longest prefix decides; of two equal ones neither does."""

from collections.abc import Iterable

from wayhome.policy.findings import Findings
from wayhome.policy.policy import Entry


def check_ties(kept: Iterable[Entry], masqueraded: Iterable[Entry], findings: Findings) -> None:
    """Refuse each entry of `masqueraded` whose range is among `kept` too."""
    first: dict[object, Entry] = {}
    for entry in kept:
        first.setdefault(entry.prefix, entry)
    for entry in masqueraded:
        other = first.get(entry.prefix)
        if other is None:
            continue
        if other.origin.is_link_local:
            findings.error(
                entry.origin.line,
                f"{entry.prefix} stands in masqueradeCIDRs, and {other.origin.key} is false",
                f"write `{other.origin.key}: true` and remove this line",
                file=entry.origin.file,
            )
        else:
            findings.error(
                entry.origin.line,
                f"{entry.prefix} stands in masqueradeCIDRs and in nonMasqueradeCIDRs ({other.origin})",
                "keep it in one of them",
                file=entry.origin.file,
            )
