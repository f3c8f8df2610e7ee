"""What a case consists of: a network, the programs in it, and phases with what is expected to be seen in each.

A case is data. `demo` runs it, `keeper` keeps it up; neither knows which case it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wayhome.lab.programs import Program
from wayhome.lab.topology import Topology
from wayhome.lab.volume import ConfigMapVolume
from wayhome.probe.observation import Address, Leg

# The agent's program for a node, given the folder of its volume and the one of its state.
MakeAgent = Callable[[str, Path, Path], Program]


@dataclass(frozen=True, slots=True)
class Row:
    """From a node to a node; `address` is the one that is asked for."""

    source: str
    destination: str
    address: Address


@dataclass(frozen=True, slots=True)
class Expected:
    """What all protocols shall see in a row: the source that the target sees, or how the packet dies."""

    reached: bool
    source_seen: Address | None
    leg: Leg | None = None
    place: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """The ConfigMap's data, and what is seen once it is there. Data of None: there is no ConfigMap.

    `takes_effect` names the row that the change is to make reachable: the time until then is measured.
    `explanation` says in one line why what still fails is as expected.
    """

    name: str
    title: str
    configmap: Mapping[str, bytes] | None
    expected: Mapping[Row, Expected]
    takes_effect: Row | None = None
    explanation: str = ""
    show_agent: str = ""  # an event of the agent's log to show, by name
    comparison: str = ""  # what the time until the effect compares with


@dataclass(frozen=True, slots=True)
class Case:
    """A network and its story.

    `try_next` are commands of `wayhome lab` for a person who keeps it up; `files` are put into the lab's folder,
    which stands as {folder} in the commands.
    """

    name: str
    summary: tuple[str, ...]
    topology: Topology
    servers: tuple[str, ...]
    agents: tuple[str, ...]
    volume_items: Mapping[str, str]
    make_agent: MakeAgent
    phases: tuple[Phase, ...]
    files: Mapping[str, bytes]
    try_next: tuple[str, ...]

    def volumes(self, folder: Path) -> tuple[ConfigMapVolume, ...]:
        """The volumes of the agents, below a lab's folder, made if need be."""
        folders = [folder / "volumes" / node for node in self.agents]
        for one in folders:
            one.mkdir(parents=True, exist_ok=True)
        return tuple(ConfigMapVolume(one, self.volume_items) for one in folders)
