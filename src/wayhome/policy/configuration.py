"""The configuration file: upstream's, read as upstream's agent reads it, with `masqueradeCIDRs` beside it.

What upstream accepts is accepted, with a warning where it is probably not what was meant; what upstream refuses is
refused, with all errors at once. Upstream turns YAML into JSON and reads that with Go's encoding/json, from which
follow: keys in any case, unknown keys ignored, a key that is absent (or a switch that is null) keeps its default, a
list that is null is empty, and of duplicate keys the last one counts.

Stricter than upstream: a text over 1 MiB (a ConfigMap holds no more), with more than 50,000 values or 16 levels;
IPv4 ranges written as IPv6 and prefix lengths such as /08, which upstream hands to iptables, which refuses or misreads
them; an element that is null, in whose place Go would leave what its default list holds there; and `!!binary` text
and JSON's escapes of surrogates (backslash, ud83d), which are read as no range and as no YAML. More lenient: a text in
braces may be YAML and need not be JSON.

Source: kubernetes-sigs/ip-masq-agent v2.12, cmd/ip-masq-agent. The tests hold what its binary left in a kernel.
"""

import codecs
from dataclasses import dataclass, replace

from wayhome.policy.document import DocumentError, read_document
from wayhome.policy.findings import Finding, Findings, Severity
from wayhome.policy.ipv6 import is_about_ipv6
from wayhome.policy.policy import Entry, Policy
from wayhome.policy.reader import Reader
from wayhome.prefixes import Family, Prefix

LARGEST = 1024 * 1024
"""Bytes: what a whole ConfigMap may hold."""

DEFAULT_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # RFC 1918
RESERVED_RANGES = (
    "100.64.0.0/10",  # RFC 6598
    "192.0.0.0/24",  # RFC 6890
    "192.0.2.0/24",  # RFC 5737
    "192.88.99.0/24",  # RFC 7526
    "198.18.0.0/15",  # RFC 6815
    "198.51.100.0/24",  # RFC 5737
    "203.0.113.0/24",  # RFC 5737
    "240.0.0.0/4",  # RFC 5735
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the agent's flags say, and the file cannot."""

    ipv6: bool | None = False
    """`--enable-ipv6`. None: as the lists and the Pod ranges say (`is_about_ipv6`)."""
    all_reserved_ranges: bool = False
    """`--nomasq-all-reserved-ranges`: the default list has 11 ranges instead of 3."""
    pod_cidrs: tuple[Prefix, ...] | None = None
    """`--pod-cidrs`: only what these send is masqueraded. None: upstream's scope."""
    resync_interval: float | None = None
    """Seconds: Azure's `--resync-interval`. None: the file says it."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that may take effect."""

    policy: Policy
    resync_interval: float
    """Seconds between two full verifications."""
    cidr_limit: int
    masq_link_local: bool
    masq_link_local_ipv6: bool
    """Said in the file whether IPv6 is enabled or not."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of a file: a configuration, or None if there are errors; and all findings, by line."""

    configuration: Configuration | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the configuration."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings with which it takes effect."""
        return tuple(f for f in self.findings if f.severity is Severity.WARNING)


def defaults(settings: Settings) -> Configuration:
    """Upstream's configuration where there is no file."""
    findings = Findings()
    return _result(_reader(settings, findings), settings, findings)


def is_empty(data: bytes) -> bool:
    """Whether a file holds nothing at all: a new file, or one that somebody is just about to write."""
    return not data.strip()


def parse(data: bytes, settings: Settings) -> Parsed:
    """Read a configuration file. Never raises for what the file holds."""
    findings = Findings()
    reader = _reader(settings, findings)
    read_into(reader, data, findings)
    failed = any(finding.severity is Severity.ERROR for finding in findings.by_line())
    configuration = None if failed else _result(reader, settings, findings)
    return Parsed(configuration, findings.by_line())


def read_into(reader: Reader, data: bytes, findings: Findings) -> None:
    """Have a reader read a file; what is wrong with it is noted."""
    try:
        text = _decode(data)
        reader.read(read_document(text), json=text.lstrip().startswith("{"))
    except DocumentError as error:
        findings.error(error.line, f"the file {error.problem}", error.instead)


def configuration_of(
    entries: tuple[Entry, ...],
    settings: Settings,
    *,
    resync_interval: float,
    cidr_limit: int,
    masq_link_local: bool,
    masq_link_local_ipv6: bool,
    findings: Findings,
) -> Configuration:
    """What was read, with what the flags say."""
    policy = Policy(entries, settings.ipv6 is not False, settings.pod_cidrs)
    if settings.ipv6 is None and not is_about_ipv6(policy, findings):
        policy = replace(policy, ipv6=False)
    return Configuration(
        policy,
        settings.resync_interval or resync_interval,
        cidr_limit,
        masq_link_local=masq_link_local,
        masq_link_local_ipv6=masq_link_local_ipv6,
    )


def default_ranges(settings: Settings) -> tuple[str, ...]:
    """What upstream keeps where there is no list."""
    return DEFAULT_RANGES + (RESERVED_RANGES if settings.all_reserved_ranges else ())


def _reader(settings: Settings, findings: Findings) -> Reader:
    return Reader(default_ranges(settings), ipv6=settings.ipv6 is not False, findings=findings)


def _result(reader: Reader, settings: Settings, findings: Findings) -> Configuration:
    return configuration_of(
        reader.entries(),
        settings,
        resync_interval=reader.resync_interval,
        cidr_limit=reader.cidr_limit,
        masq_link_local=reader.masquerades_link_local(Family.IPV4),
        masq_link_local_ipv6=reader.masquerades_link_local(Family.IPV6),
        findings=findings,
    )


def _decode(data: bytes) -> str:
    if len(data) > LARGEST:
        raise DocumentError(
            None,
            f"has more than {LARGEST:,} bytes",
            "a ConfigMap holds no more: check what was written there",
        )
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"  # YAML allows it, and upstream reads it
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        kind = "binary data" if b"\0" in data else "not UTF-8"
        raise DocumentError(
            line, f"is {kind} (byte {error.start})", "write it as UTF-8 text"
        ) from None
