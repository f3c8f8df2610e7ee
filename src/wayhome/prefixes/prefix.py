"""A prefix: an aligned range of addresses, written `10.0.0.0/8` (RFC 4632, RFC 4291)."""

from dataclasses import dataclass
from typing import Self

from wayhome.prefixes.address import Family, format_address, parse_address


class PrefixError(ValueError):
    """The text is no prefix. `problem` says what is wrong with it, `instead` what to write, if that is known."""

    def __init__(self, problem: str, instead: str | None = None) -> None:
        super().__init__(f"{problem}; write {instead}" if instead else problem)
        self.problem = problem
        self.instead = instead


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """All addresses that begin with the same `length` bits; `first` is the lowest of them."""

    family: Family
    first: int
    length: int

    @property
    def last(self) -> int:
        """The highest address of the prefix."""
        return self.first | ((1 << (self.family.bits - self.length)) - 1)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ADDRESS/LENGTH` as Go's net.ParseCIDR does, and aligned. Raises PrefixError.

        Stricter than Go: no length that begins with 0. Go reads 10.0.0.0/010 as /10, iptables as the octal /8.
        """
        address, slash, digits = text.partition("/")
        try:
            family, value = parse_address(address)
        except ValueError:
            raise PrefixError(
                "is not a CIDR", "an address and a prefix length, such as 10.0.0.0/8"
            ) from None
        if not slash:
            raise PrefixError("has no prefix length", f"{text}/{family.bits}")
        significant = digits.lstrip("0") or digits[:1]
        if not (
            significant.isascii()
            and significant.isdigit()
            and len(significant) <= 3  # before int(), whose time and text are bounded
            and int(significant) <= family.bits
        ):
            raise PrefixError(
                f"has a prefix length that is not a number from 0 to {family.bits}",
                f"{address}/LENGTH",
            )
        length = int(significant)
        if digits != significant:
            raise PrefixError(
                "has a prefix length that begins with 0", f"{address}/{length}, in decimal"
            )
        if family is Family.IPV6 and value >> 32 == 0xFFFF:
            # Go reads it as the IPv4 address inside, with a length of the other family.
            raise PrefixError(
                "is an IPv4 address written as IPv6",
                f"{format_address(Family.IPV4, value & 0xFFFFFFFF)}/{max(length - 96, 0)}",
            )
        host_bits = family.bits - length
        first = value >> host_bits << host_bits
        if first != value:
            raise PrefixError(
                "has bits set to the right of its prefix length",
                f"{format_address(family, first)}/{length}",
            )
        return cls(family, first, length)

    @classmethod
    def from_interval(cls, family: Family, first: int, last: int) -> list[Self]:
        """The fewest prefixes that together are the addresses from `first` to `last`, both included."""
        found = []
        while first <= last:
            aligned = (first & -first).bit_length() - 1 if first else family.bits
            host_bits = min(aligned, (last - first + 1).bit_length() - 1)
            found.append(cls(family, first, family.bits - host_bits))
            first += 1 << host_bits
        return found

    def contains(self, family: Family, address: int) -> bool:
        """Whether the address is in the prefix."""
        return family is self.family and self.first <= address <= self.last

    def holds(self, other: Self) -> bool:
        """Whether the other prefix is this one or a part of it."""
        return self.length <= other.length and self.contains(other.family, other.first)

    def __str__(self) -> str:
        return f"{format_address(self.family, self.first)}/{self.length}"
