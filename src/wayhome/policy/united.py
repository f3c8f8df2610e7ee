"""Several texts, each read and checked by itself, as one configuration.

What is common to Azure's files (`fragments`) and to several ConfigMaps (`configmaps`): the lists are united, a switch
is on if any text turns it on, everything that is wrong with all of them is said with the text's name, and one that is
wrong refuses the whole. Where two texts name one range, the entry is that of the first by name, so that the same texts
always mean the same.

A source hands on a single text; `pack` makes it from theirs, and it is the same whatever their order was.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from wayhome.policy.configuration import (
    Configuration,
    Parsed,
    Settings,
    configuration_of,
    read_into,
)
from wayhome.policy.findings import Finding, Findings, Severity
from wayhome.policy.policy import LINK_LOCAL, LINK_LOCAL_KEYS, Action, Entry, Origin
from wayhome.policy.reader import Reader
from wayhome.policy.ties import check_ties
from wayhome.prefixes import Family, Prefix

Limits = Callable[[Collection[Reader]], tuple[float, int]]
"""The interval (seconds) and the cidrLimit of the whole."""


def pack(texts: Mapping[str, bytes]) -> bytes:
    """The texts, by name, as one."""
    return json.dumps(
        {name: texts[name].decode("latin-1") for name in sorted(texts)}, separators=(",", ":")
    ).encode()


def unpack(data: bytes) -> dict[str, bytes]:
    """The texts in one of `pack`. Raises ValueError for anything else."""
    found = json.loads(data)
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("not a text of `pack`")
    return {str(name): text.encode("latin-1") for name, text in found.items()}


def parse_united(
    data: bytes,
    settings: Settings,
    *,
    keys: Mapping[str, str],
    default_ranges: tuple[str, ...],
    limits: Limits,
    remembered: str,
) -> Parsed:
    """Read the texts. Never raises for what they hold.

    `keys`: those that count. `default_ranges`: kept where no text has a list. `remembered`: what `data` should have
    been, for a message.
    """
    findings: list[Finding] = []
    try:
        texts = unpack(data)
    except (ValueError, RecursionError):
        problem = f"what was remembered are not {remembered}"
        return Parsed(None, (Finding(Severity.ERROR, None, problem, "it is ignored"),))
    readers: dict[str, Reader] = {}
    for name, content in texts.items():
        found = Findings(file=name)
        readers[name] = Reader((), ipv6=settings.ipv6 is not False, findings=found, keys=keys)
        read_into(readers[name], content, found)
        findings += found.by_line()
    entries, ties = _merged(readers, settings, default_ranges)
    findings += ties
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Parsed(None, tuple(findings))
    about_ipv6 = Findings()
    configuration = _configuration(readers.values(), entries, settings, limits, about_ipv6)
    return Parsed(configuration, (*findings, *about_ipv6.by_line()))


def _merged(
    readers: Mapping[str, Reader], settings: Settings, default_ranges: tuple[str, ...]
) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    link_local = [
        Entry(LINK_LOCAL[family], Action.KEEP, Origin(key))
        for key, family in LINK_LOCAL_KEYS.items()
        if not _any_masquerades(readers.values(), family)
        and (family is Family.IPV4 or settings.ipv6 is not False)
    ]
    kept = _united((name, reader.kept) for name, reader in readers.items())
    if not any("nonMasqueradeCIDRs" in reader.given for reader in readers.values()):
        origin = Origin("nonMasqueradeCIDRs")
        kept = [Entry(Prefix.parse(text), Action.KEEP, origin) for text in default_ranges]
    masqueraded = _united((name, reader.masqueraded) for name, reader in readers.items())
    findings = Findings()
    # Within one text they have been said already.
    others = [entry for entry in masqueraded if not _is_tied_at_home(entry, readers)]
    check_ties((*link_local, *kept), others, findings)
    return (*link_local, *kept, *masqueraded), findings.by_line()


def _is_tied_at_home(entry: Entry, readers: Mapping[str, Reader]) -> bool:
    return any(entry.prefix == other.prefix for other in readers[entry.origin.file].kept)


def _united(lists: Iterable[tuple[str, Iterable[Entry]]]) -> list[Entry]:
    united: dict[Prefix, Entry] = {}
    for name, entries in lists:
        for entry in entries:
            named = replace(entry, origin=replace(entry.origin, file=name))
            united.setdefault(entry.prefix, named)
    return list(united.values())


def _any_masquerades(readers: Iterable[Reader], family: Family) -> bool:
    return any(reader.masquerades_link_local(family) for reader in readers)


def _configuration(
    readers: Collection[Reader],
    entries: tuple[Entry, ...],
    settings: Settings,
    limits: Limits,
    findings: Findings,
) -> Configuration:
    resync_interval, cidr_limit = limits(readers)
    return configuration_of(
        entries,
        settings,
        resync_interval=resync_interval,
        cidr_limit=cidr_limit,
        masq_link_local=_any_masquerades(readers, Family.IPV4),
        masq_link_local_ipv6=_any_masquerades(readers, Family.IPV6),
        findings=findings,
    )


def all_are_empty(data: bytes) -> bool:
    """Whether none of the texts holds anything."""
    try:
        return not any(content.strip() for content in unpack(data).values())
    except (ValueError, RecursionError):
        return False
