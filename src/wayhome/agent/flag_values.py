"""Values of the agent's flags: text in, value out, argparse.ArgumentTypeError with what to write instead.

The commands for people read the same texts with the same functions.
"""

import argparse

from wayhome.kernel import Masquerade, iptables
from wayhome.policy.duration import parse_duration
from wayhome.prefixes import Prefix, PrefixError


def parse_switch(text: str) -> bool:
    """What Go's strconv.ParseBool accepts."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def parse_chain_name(text: str) -> str:
    """A name that iptables takes for a chain. Raises ArgumentTypeError."""
    try:
        iptables.check_chain_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def parse_mark_bit(text: str) -> int | None:
    """A bit of the packet mark, 0 to 31, or `none`. Raises ArgumentTypeError."""
    if text == "none":
        return None
    if not text.isdecimal() or not 0 <= int(text) < 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no bit of a mark; write 0 to 31, or none")
    return int(text)


def parse_seconds(text: str) -> int:
    """A whole number of seconds, at least one. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write 60")
    return int(text)


def parse_interval(text: str) -> float | None:
    """A duration as Go writes it; 0 for never. Less than a second is somebody's slip."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; write 10m, or 0 for never") from None
    if seconds and seconds < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is too short for an interval; write 1s or more, or 0 for never"
        )
    return seconds or None


def parse_bind_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:9696`, `[::1]:9696`, or `:9696` for all addresses."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or (":" in host and host[0] != "["):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; write HOST:PORT, such as 127.0.0.1:9696"
        )
    return host.strip("[]"), int(port)


def parse_port_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read `FIRST-LAST,…`. Raises ArgumentTypeError."""
    ranges = []
    for part in text.split(",") if text else ():
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise argparse.ArgumentTypeError(f"{part!r} is no port range; write FIRST-LAST")
        ranges.append((int(first), int(last or first)))
    try:
        Masquerade(to_ports=tuple(ranges))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return tuple(ranges)


def parse_prefixes(text: str) -> tuple[Prefix, ...]:
    """Read CIDRs separated by commas. Raises ArgumentTypeError."""
    try:
        return tuple(Prefix.parse(part.strip()) for part in text.split(","))
    except PrefixError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None
