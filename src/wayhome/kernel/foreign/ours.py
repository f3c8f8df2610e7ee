"""What our own table decides, read back from the kernel: the side to which the rules of others are compared. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.kernel.rules import list_set, pods_set
from wayhome.kernel.skeleton import SRCNAT
from wayhome.kernel.table import Table
from wayhome.policy import Action
from wayhome.prefixes import Family, Intervals


@dataclass(frozen=True, slots=True)
class Ours:
    """The destinations that see the Pod's own address, by family; every other one sees the node's."""

    priority: int
    keep: Mapping[Family, Intervals]
    pods: Mapping[Family, Intervals] | None
    """The Pod ranges of the scope; None where everything that leaves the node is in it."""

    @property
    def asserts(self) -> bool:
        """Whether kept addresses are asserted (`--preserve assert`): then our chain comes before `srcnat`."""
        return self.priority < SRCNAT

    def masqueraded(self, family: Family) -> Intervals:
        """The destinations that see the node's address; none in a family that is not ours."""
        if family not in self.keep:
            return Intervals()
        return Intervals(((0, family.last),)).minus(self.keep[family])


def ours_of(table: Table | None) -> Ours | None:
    """What a table decides; None where no packet meets it: it is not there, dormant, or without its chain or rules."""
    if table is None or table.dormant or table.chain is None or not table.rules:
        return None
    held = {one.type.name: Intervals.of(one.intervals) for one in table.sets}
    keep = {f: held[list_set(Action.KEEP, f)] for f in Family if list_set(Action.KEEP, f) in held}
    pods = {f: held[pods_set(f)] for f in Family if pods_set(f) in held}
    return Ours(table.chain.priority, keep, pods or None) if keep else None
