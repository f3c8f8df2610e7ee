"""Several ConfigMaps as one configuration, in upstream's format. A single one is upstream's file and means what that means.

Several say together what one would say with all their lists:

- the lists are united, and upstream's default list holds only where none of them has `nonMasqueradeCIDRs`;
- a switch is on if any turns it on;
- `cidrLimit` is each one's own, for its own lists;
- the shortest `resyncInterval` that is written counts;
- those that are not there say nothing. One that is taken away is missed: like the only one, it holds for 10 s more;
- one that is wrong refuses the whole, and so does one that is empty: whoever empties one of several has lost it.

A range that one keeps and another masquerades is a tie and refused, as in a single one.
"""

from collections.abc import Collection

from wayhome.policy.configuration import Parsed, Settings, default_ranges, defaults
from wayhome.policy.file_format import FileFormat
from wayhome.policy.findings import Finding, Severity
from wayhome.policy.keys import KEYS
from wayhome.policy.reader import Reader
from wayhome.policy.united import all_are_empty, parse_united, unpack


def parse_configmaps(data: bytes, settings: Settings) -> Parsed:
    """Read them. Never raises for what they hold."""
    parsed = parse_united(
        data,
        settings,
        keys=KEYS,
        default_ranges=default_ranges(settings),
        limits=_limits,
        remembered="the texts of several ConfigMaps",
    )
    if empty := _empty_ones(data):
        return Parsed(None, (*empty, *parsed.findings))
    return parsed


def _limits(readers: Collection[Reader]) -> tuple[float, int]:
    intervals = [r.resync_interval for r in readers if "resyncInterval" in r.given]
    return min(intervals, default=60.0), max((r.cidr_limit for r in readers), default=64)


def _empty_ones(data: bytes) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            Severity.ERROR,
            None,
            "the configuration is empty, and it is one of several",
            "write `{}` if it is to say nothing, or remove it",
            name,
        )
        for name in names(data)
        if not unpack(data)[name].strip()
    )


def names(data: bytes) -> frozenset[str]:
    """The ConfigMaps whose texts these are; none where it is no text of several."""
    try:
        return frozenset(unpack(data))
    except (ValueError, RecursionError):
        return frozenset()


SEVERAL = FileFormat(parse_configmaps, all_are_empty, defaults, names)
