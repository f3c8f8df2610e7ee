"""Azure's configuration: several files, each read and checked by itself, then merged.

The cloud keeps one of them and the cluster's owner another, so neither overwrites the other's. As Azure's agent
(ip-masq-agent-v2) reads them: the lists are united, a switch is on if any file turns it on, and where there is any
file at all the default list is gone, also if no file has a list. `cidrLimit` and `resyncInterval` are no keys of
theirs; the limit is 64 ranges for each file.

Azure's agent ends at the first bad file. Here all files are read, everything that is wrong with them is said, with
the file's name, and the last good configuration stays. Where two files name one range, the entry is that of the first
by name, so that the same files always mean the same.

A source hands on a single text; `pack` makes it from the files, and it is the same whatever their order was.

Source: Azure/ip-masq-agent-v2, cmd/ip-masq-agent-v2, syncConfig() and merge().
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wayhome.policy.configuration import (
    Configuration,
    Parsed,
    Settings,
    configuration_of,
    read_into,
)
from wayhome.policy.file_format import FileFormat
from wayhome.policy.findings import Finding, Findings, Severity
from wayhome.policy.keys import KEYS
from wayhome.policy.policy import LINK_LOCAL, LINK_LOCAL_KEYS, Action, Entry, Origin
from wayhome.policy.reader import Reader
from wayhome.policy.ties import check_ties
from wayhome.prefixes import Family, Prefix

FILE_LIMIT = 64
"""Ranges in one file."""
_THEIR_KEYS = {
    folded: key for folded, key in KEYS.items() if key not in ("cidrLimit", "resyncInterval")
}


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files as one text."""
    return json.dumps(
        {name: files[name].decode("latin-1") for name in sorted(files)}, separators=(",", ":")
    ).encode()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files in a text of `pack`. Raises ValueError for anything else."""
    found = json.loads(data)
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("not a text of `pack`")
    return {str(name): text.encode("latin-1") for name, text in found.items()}


def parse_fragments(data: bytes, settings: Settings) -> Parsed:
    """Read the files. Never raises for what they hold."""
    findings: list[Finding] = []
    try:
        files = unpack(data)
    except (ValueError, RecursionError):
        problem = "what was remembered are not the files of Azure's dialect"
        return Parsed(None, (Finding(Severity.ERROR, None, problem, "it is ignored"),))
    readers: dict[str, Reader] = {}
    for name, content in files.items():
        found = Findings(file=name)
        readers[name] = Reader(
            (), ipv6=settings.ipv6 is not False, findings=found, keys=_THEIR_KEYS
        )
        read_into(readers[name], content, found)
        findings += found.by_line()
    entries, ties = _merged(readers, settings)
    findings += ties
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Parsed(None, tuple(findings))
    about_ipv6 = Findings()
    configuration = _configuration(readers.values(), entries, settings, about_ipv6)
    return Parsed(configuration, (*findings, *about_ipv6.by_line()))


def _merged(
    readers: Mapping[str, Reader], settings: Settings
) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    link_local = [
        Entry(LINK_LOCAL[family], Action.KEEP, Origin(key))
        for key, family in LINK_LOCAL_KEYS.items()
        if not _any_masquerades(readers.values(), family)
        and (family is Family.IPV4 or settings.ipv6 is not False)
    ]
    kept = _united((name, reader.kept) for name, reader in readers.items())
    masqueraded = _united((name, reader.masqueraded) for name, reader in readers.items())
    findings = Findings()
    # Within one file they have been said already.
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
    readers: Iterable[Reader], entries: tuple[Entry, ...], settings: Settings, findings: Findings
) -> Configuration:
    return configuration_of(
        entries,
        settings,
        resync_interval=60.0,
        cidr_limit=FILE_LIMIT,
        masq_link_local=_any_masquerades(readers, Family.IPV4),
        masq_link_local_ipv6=_any_masquerades(readers, Family.IPV6),
        findings=findings,
    )


def fragments_are_empty(data: bytes) -> bool:
    """Whether none of the files holds anything."""
    try:
        return not any(content.strip() for content in unpack(data).values())
    except (ValueError, RecursionError):
        return False


def _empty(settings: Settings) -> Configuration:
    """Files that say nothing leave no list: everything but link-local is masqueraded."""
    parsed = parse_fragments(pack({"": b""}), settings)
    assert parsed.configuration is not None  # noqa: S101  # an empty file has no errors
    return parsed.configuration


AZURE = FileFormat(parse_fragments, fragments_are_empty, _empty)
