"""An address of either family as one value."""

from typing import NamedTuple, Self

from wayhome.prefixes import Family, Prefix, format_address, parse_address


class Address(NamedTuple):
    """An address. A tuple, because a trace makes and compares several at each hop."""

    family: Family
    value: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `10.2.0.1` or `fd00::1`. Raises ValueError."""
        return cls(*parse_address(text))

    @property
    def prefix(self) -> Prefix:
        """The address alone, as a prefix: /32 or /128."""
        return Prefix(self.family, self.value, self.family.bits)

    def __str__(self) -> str:
        return format_address(self.family, self.value)
