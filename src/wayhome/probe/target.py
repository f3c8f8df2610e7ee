"""`HOST:PORT` as people write it. Pure."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

_LABEL = re.compile(r"[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Target:
    """What to reach. `port` is None where none was given: ICMP has none."""

    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_target(text: str) -> Target:
    """An address or a name, with a port or without. Raises ValueError with a sentence."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is no [ADDRESS]:PORT")
        port = rest[1:]
    elif text.count(":") > 1:
        host, rest, port = text, "", ""
    else:
        host, rest, port = text.partition(":")
    if not _is_host(host):
        raise ValueError(f"{text!r} names no host; write HOST:PORT, or [ADDRESS]:PORT for IPv6")
    if not rest:
        return Target(host, None)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is no port; write a number from 1 to 65535")
    return Target(host, int(port))


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return "%" not in text
