"""Any number of prefixes of both families as one condition of a rule."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from wayhome.network.address import Address
from wayhome.prefixes import Family, Intervals, Prefix


@dataclass(frozen=True, slots=True)
class PrefixSet:
    """The addresses of some prefixes. An empty set holds none; where anything matches, a rule has None."""

    prefixes: tuple[Prefix, ...]
    _spans: dict[Family, Intervals] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spans = {
            family: Intervals.of((p.first, p.last) for p in self.prefixes if p.family is family)
            for family in {prefix.family for prefix in self.prefixes}
        }
        object.__setattr__(self, "_spans", spans)

    @classmethod
    def of(cls, prefixes: Iterable[Prefix]) -> "PrefixSet":
        """The set of any prefixes, in any order."""
        return cls(tuple(prefixes))

    @classmethod
    def parse(cls, *texts: str) -> "PrefixSet":
        """Read prefixes as they are written. Raises prefixes.PrefixError."""
        return cls(tuple(Prefix.parse(text) for text in texts))

    def __contains__(self, address: Address) -> bool:
        spans = self._spans.get(address.family)
        return spans is not None and address.value in spans

    def __str__(self) -> str:
        return ", ".join(map(str, self.prefixes)) or "nothing"
