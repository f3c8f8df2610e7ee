"""What a case consists of: a network, the programs in it, and phases with what is expected to be seen in each.

A case is data. `demo` runs it, `keeper` keeps it up; neither knows which case it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wayhome.lab.programs import Program
from wayhome.lab.topology import Topology
from wayhome.lab.volume import ConfigMapVolume
from wayhome.probe.observation import Address, Leg


@dataclass(frozen=True, slots=True)
class Places:
    """Folders that an agent may use: the lab's own, its volume's, its state's."""

    lab: Path
    volume: Path
    state: Path


MakeAgent = Callable[[str, Places], Program]
"""The agent's program for a node."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that the agents need, and the text on its output that says that it is ready."""

    program: Program
    ready: str


@dataclass(frozen=True, slots=True)
class Command:
    """What a person types, and where: in the lab's folder. `shown` is how it stands in what a demonstration prints."""

    node: str
    argv: tuple[str, ...]
    shown: str
    status: int = 0
    """The exit status that is expected."""
    shows: tuple[str, ...] = ()
    """What its output is expected to say."""
    environment: Mapping[str, str] = field(default_factory=dict)


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

    `commands` then run one after the other, and `questions` once all has been seen.
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
    commands: tuple[Command, ...] = ()
    questions: tuple[Command, ...] = ()


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
    make_services: Callable[[Path], tuple[Service, ...]] = lambda _: ()
    """Given the lab's folder. They run before the agents."""
    prepare: tuple[Command, ...] = ()
    """What is typed once the services are there, before the agents start."""

    def places(self, node: str, folder: Path) -> Places:
        """The places of an agent, below a lab's folder, made if need be."""
        places = Places(folder, folder / "volumes" / node, folder / "states" / node)
        for one in (places.volume, places.state):
            one.mkdir(parents=True, exist_ok=True)
        return places

    def volumes(self, folder: Path) -> tuple[ConfigMapVolume, ...]:
        """The volumes of the agents, below a lab's folder, made if need be."""
        folders = [self.places(node, folder).volume for node in self.agents]
        return tuple(ConfigMapVolume(one, self.volume_items) for one in folders)
