"""What a lab's process is asked for. Each is answered by one message: what is said here, or a Failure."""

from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.lab.compiled.held import Held
from wayhome.lab.programs import Program
from wayhome.network import Network


@dataclass(frozen=True, slots=True)
class Build:
    """The network, first of all; of None, one node with nothing but loopback. Answered by Built, or Refused.

    `own` are the rules that nodes hold themselves (`compiled.held`).
    """

    network: Network | None
    own: Held


@dataclass(frozen=True, slots=True)
class Built:
    """It is up. `refused`: of which nodes this machine did not take their own rules, and why."""

    sees_drops: bool
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Start:
    """A program, with descriptors for its input, its output and its errors, and one that its exit status goes to.

    Answered by the program's number, which is the server's.
    """

    program: Program


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal to a program that was started; nothing happens if it has ended. Answered by None."""

    started: int
    signal: int


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """A socket on a node, as `socket.socket` makes it. Answered by None, with its descriptor."""

    node: str
    family: int
    kind: int
    protocol: int


@dataclass(frozen=True, slots=True)
class Lend:
    """A node's network. Answered by None, with its descriptor."""

    node: str


@dataclass(frozen=True, slots=True)
class Listening:
    """Which ports are served on a node. Answered by a set of `("tcp" or "udp", port)`."""

    node: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """What died so far. Answered by a list of `compiled.Sighted`; fails where this machine does not show it."""


Request = Start | Signal | OpenSocket | Lend | Listening | Dropped


@dataclass(frozen=True, slots=True)
class Refused:
    """This machine lets nobody have namespaces; the fields are those of `namespaces.NamespaceRefusedError`."""

    reason: str
    command: str
    in_container: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """What came of a request instead of an answer."""

    error: Exception
