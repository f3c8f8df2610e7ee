"""An exported object together with the place that it was read from."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from wayhome.network.evidence import Evidence

Value_co = TypeVar("Value_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Located(Generic[Value_co]):
    """A value and its evidence; the evidence's object is the value's full name."""

    value: Value_co
    evidence: Evidence

    @property
    def name(self) -> str:
        """The full name: `projects/P/global/networks/N`."""
        return self.evidence.object

    def at(self, *tokens: str | int) -> Evidence:
        """The evidence of a field: `route.at("tags", 0)`, in the export's spelling."""
        return self.evidence.at(*tokens)
