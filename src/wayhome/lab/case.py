"""What a case consists of: exports, programs in the network that they describe, and phases with what is expected in each.

A case is data. `demo` runs it, `keeper` keeps it up; neither knows which case it is. Nodes are called by the names that
people say (`clouds.endpoints`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wayhome.clouds.estate import Estate
from wayhome.lab import agents
from wayhome.lab.agents import with_configmap
from wayhome.lab.programs import Program
from wayhome.lab.running_agents import MakeAgent
from wayhome.probe.observation import Address, Leg


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
    """What shall be seen of a probe: the source that the target sees, or how a packet dies.

    `place` is the full name of the node where it dies. The source is None where nothing arrives.
    """

    reached: bool
    source_seen: Address | None
    leg: Leg | None = None
    place: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """The data of the agents' ConfigMap, and what is seen once it is there. Data of None: there is no ConfigMap.

    Where `commands` make the ConfigMap, and agents keep what they held against it, the data is what they hold.

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
    change: str = "writing the file"  # what the time until the effect is counted from
    comparison: str = ""  # what the time until the effect compares with
    commands: tuple[Command, ...] = ()
    questions: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A network and its story.

    `estate` is what the exports say; agents run where it says so, and the phases change the ConfigMap that those of
    `cluster` read. `try_next` are commands of `wayhome lab` for a person who keeps it up; `files` are put into the lab's
    folder, which stands as {folder} in the commands.
    """

    name: str
    summary: tuple[str, ...]
    estate: Estate
    cluster: str
    servers: tuple[str, ...]
    phases: tuple[Phase, ...]
    files: Mapping[str, bytes]
    try_next: tuple[str, ...]
    make_agent: MakeAgent = agents.program
    make_services: Callable[[Path], tuple[Service, ...]] = lambda _: ()
    """Given the lab's folder. They run before the agents."""
    prepare: tuple[Command, ...] = ()
    """What is typed once the services are there, before the agents start."""

    def estate_in(self, phase: Phase) -> Estate:
        """What exports of the phase would say."""
        return with_configmap(self.estate, self.cluster, phase.configmap)
