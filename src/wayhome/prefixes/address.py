"""Addresses as integers, in the C library's spelling (inet_pton(3), inet_ntop(3)).

Like Go's net.ParseIP and unlike inet_aton(3), inet_pton refuses `010.0.0.1`, `10.1` and `0x0a000001`.
"""

import enum
import socket


class Family(enum.IntEnum):
    """An address family, by the number that its header's version field has (RFC 791, RFC 8200)."""

    IPV4 = 4
    IPV6 = 6

    @property
    def bits(self) -> int:
        """Bits in an address: 32 or 128."""
        return 32 if self is Family.IPV4 else 128

    @property
    def last(self) -> int:
        """The last address, all ones."""
        return (1 << self.bits) - 1

    @property
    def socket_family(self) -> socket.AddressFamily:
        """The family as the socket calls know it."""
        return socket.AF_INET if self is Family.IPV4 else socket.AF_INET6


def parse_address(text: str) -> tuple[Family, int]:
    """Read an address. Raises ValueError where it is none."""
    family = Family.IPV6 if ":" in text else Family.IPV4
    try:
        packed = socket.inet_pton(family.socket_family, text)
    except (OSError, ValueError):  # ValueError: an embedded NUL, or not ASCII
        raise ValueError(f"{text!r} is not an IP address") from None
    return family, int.from_bytes(packed)


def format_address(family: Family, address: int) -> str:
    """Write an address in its usual form: dotted quad, or RFC 5952."""
    return socket.inet_ntop(family.socket_family, address.to_bytes(family.bits // 8))
