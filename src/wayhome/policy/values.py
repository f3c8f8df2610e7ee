"""The values of the configuration's keys: what upstream's agent accepts for each, and what to write otherwise.

Each function reads one kind of value, notes what is wrong, and returns None where there is nothing to use.
"""

from wayhome.policy.document import Mapping, Node, Scalar
from wayhome.policy.duration import parse_duration
from wayhome.policy.findings import Findings, quote
from wayhome.policy.policy import Action, Entry, Origin
from wayhome.prefixes import Family, Prefix, PrefixError

SHORTEST_RESYNC_INTERVAL = 1.0
"""Seconds. Upstream has no bound: with `0s` it verifies in a tight loop."""


def read_ranges(
    key: str, line: int, value: Node, action: Action, *, ipv6: bool, findings: Findings
) -> list[Entry]:
    """A list of CIDRs; null is an empty list, as in Go."""
    if isinstance(value, Scalar):
        _explain_scalar(key, line, value, action, findings)
        return []
    if isinstance(value, Mapping):
        findings.error(
            line,
            f"{key} is a mapping, and a list is wanted",
            "write each range as `- 10.0.0.0/8`, in a line of its own",
        )
        return []
    lines: dict[Prefix, int] = {}
    entries = []
    for item in value.items:
        prefix = _read_range(key, item, ipv6=ipv6, findings=findings)
        if prefix is None:
            continue
        if prefix in lines:
            findings.warn(
                item.line,
                f"{prefix} stands in {key} twice (line {lines[prefix]} too)",
                "keep one of them",
            )
        lines.setdefault(prefix, item.line)
        entries.append(Entry(prefix, action, Origin(key, item.line)))
    return entries


def _explain_scalar(key: str, line: int, value: Scalar, action: Action, findings: Findings) -> None:
    if value.value is None:
        effect = " and all destinations are masqueraded" if action is Action.KEEP else ""
        findings.warn(
            line,
            f"{key} has no value, so the list is empty{effect}",
            f"write `{key}: []` if that is meant",
        )
        return
    lines = (text.strip("- \t") for text in value.text.split("\n", 10))
    parts = [quote(part) for part in lines if part]
    shown = ", ".join(f"`- {part}`" for part in parts[:3]) + (", …" if len(parts) > 3 else "")
    kind = "a block of text (`|` or `>`)" if value.block else "a single value"
    findings.error(
        line,
        f"{key} is {kind}, and a list is wanted",
        f"write `{key}:` alone, and each range in a line of its own below{': ' + shown if shown else ''}",
    )


def _read_range(key: str, item: Node, *, ipv6: bool, findings: Findings) -> Prefix | None:
    if not isinstance(item, Scalar):
        findings.error(
            item.line,
            f"an element of {key} is a list or mapping, not a CIDR",
            "write only the range: `- 10.0.0.0/8`",
        )
        return None
    if item.value is None or item.value == "":
        findings.error(
            item.line,
            f"an element of {key} is empty",
            "write a CIDR after the dash, or remove the line",
        )
        return None
    if item.text != item.text.strip():
        findings.error(
            item.line,
            f"'{quote(item.text)}' in {key} has space around it",
            f"write {quote(item.text.strip()) or 'a CIDR'}",
        )
        return None
    try:
        prefix = Prefix.parse(item.text)
    except PrefixError as error:
        findings.error(item.line, f"{quote(item.text)} {error.problem}", f"write {error.instead}")
        return None
    if prefix.family is Family.IPV6 and not ipv6:
        findings.error(
            item.line,
            f"{prefix} is an IPv6 range, and IPv6 is not enabled",
            "start the agent with --enable-ipv6, or remove the line",
        )
        return None
    return prefix


def read_switch(key: str, line: int, value: Node, findings: Findings) -> bool | None:
    """True or false; null leaves the default, as in Go."""
    if isinstance(value, Scalar) and (value.value is None or isinstance(value.value, bool)):
        return value.value
    findings.error(
        line,
        f"{key} is {_shown(value)}, and true or false is wanted",
        f"write `{key}: true` or `{key}: false`, without quotes",
    )
    return None


def read_limit(line: int, value: Node, findings: Findings) -> int | None:
    """A whole number that fits in 64 bits; null leaves the default, as in Go."""
    number = value.value if isinstance(value, Scalar) else False
    if isinstance(number, float) and number.is_integer():
        number = int(number)  # YAML's 64.0 becomes the JSON number 64
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) >= 2**63:
        findings.error(
            line,
            f"cidrLimit is {_shown(value)}, and a whole number is wanted",
            "write `cidrLimit: 64`, without quotes",
        )
        return None
    return number


def read_interval(line: int, value: Node, findings: Findings) -> float | None:
    """A duration as text, in seconds, and never so short that verifying becomes a loop."""
    text = value.value if isinstance(value, Scalar) else None
    if not isinstance(text, str):
        seconds = text if isinstance(text, int) and not isinstance(text, bool) else 60
        findings.error(
            line,
            f"resyncInterval is {_shown(value)}, and a duration with its unit is wanted",
            f"write `resyncInterval: {seconds}s`",
        )
        return None
    try:
        interval = parse_duration(text)
    except ValueError:
        findings.error(
            line,
            f"resyncInterval is '{quote(text)}', which is no duration",
            "write a number and a unit (h, m, s, ms), such as 60s or 1m30s",
        )
        return None
    if interval < SHORTEST_RESYNC_INTERVAL:
        findings.warn(
            line,
            f"resyncInterval is '{quote(text)}', which would verify without a pause",
            f"{SHORTEST_RESYNC_INTERVAL:g}s is used; changes take effect at once whatever it is",
        )
    return max(interval, SHORTEST_RESYNC_INTERVAL)


def _shown(value: Node) -> str:
    if not isinstance(value, Scalar):
        return "a list or mapping"
    return f"'{quote(value.text)}'" if value.text else "empty"
