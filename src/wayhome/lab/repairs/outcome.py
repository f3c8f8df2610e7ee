"""What was seen of a repair: the form that everything that is shown of repairs has."""

from dataclasses import dataclass

from wayhome.lab.cut import Cut
from wayhome.lab.demo import PhaseOutcome
from wayhome.lab.repairs.survival import Survival
from wayhome.network import Network


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """One phase: of a repair, by its kind, or of the network as exported.

    `network` says whose the addresses are. A `control` is expected to fail. `survivals`: of each balanced group of
    proxies, the death of one.
    """

    kind: str
    network: Network
    phase: PhaseOutcome
    control: bool = False
    survivals: tuple[Survival, ...] = ()
    proxies: tuple[str, ...] = ()
    """The nodes on which a real one ran."""
    cut: Cut | None = None
    """How much of the network was built; None where nothing is cut."""

    @property
    def as_expected(self) -> bool:
        """Whether all of it was."""
        return self.phase.as_expected and all(one.as_expected for one in self.survivals)
