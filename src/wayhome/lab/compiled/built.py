"""A network that is up: its namespaces, what is seen in them of packets, and the programs that run in them.

The caller has left the host before (`namespaces.enter`). The namespaces are held by descriptors and by the programs in
them, so a network ends with its process, however that ends; `close` ends it in an orderly way.

Whoever asks what becomes of packets reads the nodes' `logs`: every drop is logged with its cause, and so is what a
node's own sockets get. Where this machine's kernel cannot log, there are none and `sees_drops` is false; a packet's end
is then known only by what does not come back.
"""

import difflib
import re
import resource
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from wayhome.lab import programs
from wayhome.lab.compiled.build import BuiltNode, build
from wayhome.lab.compiled.held import NOTHING, Held
from wayhome.lab.compiled.missing import explained
from wayhome.lab.compiled.rules import DELIVERED
from wayhome.lab.drops import DropLog
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.packets import Packet
from wayhome.lab.programs import Program, ProgramError, RunningProgram
from wayhome.network import Network
from wayhome.policy.findings import quote


class NoSuchNodeError(ValueError):
    """A name that no node of the network has."""


_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_IN_FILE_NAME = 60


@dataclass(frozen=True, slots=True)
class Sighted:
    """A packet that ended at a node: it was dropped for the network's own cause, or delivered, and then has none."""

    node: str
    cause: str | None
    packet: Packet | None


class NodeLog:
    """What ends on one node from now on."""

    def __init__(self, one: BuiltNode) -> None:
        """Listen. Raises OSError where the kernel has no nfnetlink_log."""
        self.node = one.node.name
        self._names = one.names
        self._log = DropLog(self.node, one.namespace)

    def fileno(self) -> int:
        """For select."""
        return self._log.fileno()

    def read(self) -> list[Sighted]:
        """What ended since the last call; never waits."""
        return [
            Sighted(
                self.node,
                None if logged.cause == DELIVERED else self._names.cause_of(logged.cause),
                logged.packet,
            )
            for logged in self._log.read()
        ]

    def close(self) -> None:
        """Stop listening."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BuiltNetwork:
    """A network out of namespaces. Nodes go by the network's own names; `nodes` says what they are in the kernel."""

    def __init__(self, network: Network, output: Path | None = None, own: Held = NOTHING) -> None:
        """Build it. Raises OSError, ProgramError.

        What programs print goes to files in the folder `output`; without one, to a folder that ends with the network.
        `own` are the rules that nodes hold themselves, which are then loaded instead of what was read of them.
        """
        self.network = network
        self._own = own
        self.nodes: dict[str, BuiltNode] = {}
        self.logs: list[NodeLog] = []
        self.programs: list[RunningProgram] = []
        self._given_output = output
        self._held = ExitStack()
        _allow_many_files()
        try:
            self._build(log=True)
        except (OSError, ProgramError):
            # No nfnetlink_log in this kernel: the drops stay counted. Whatever else is wrong fails again here.
            try:
                self._build(log=False)
            except (OSError, ProgramError) as error:
                raise explained(error, network) from error
        self.sees_drops = bool(self.logs)

    def _build(self, *, log: bool) -> None:
        try:
            self.nodes = build(self.network, self._held, log=log, own=self._own)
            if log:
                self.logs = [self._held.enter_context(NodeLog(one)) for one in self.nodes.values()]
        except BaseException:
            self._held.close()
            raise

    @cached_property
    def output(self) -> Path:
        """The folder of what programs print."""
        if self._given_output is not None:
            return self._given_output
        return Path(self._held.enter_context(tempfile.TemporaryDirectory()))

    @property
    def refused(self) -> dict[str, str]:
        """The nodes whose own rules this machine did not take, and why; they do what was read of them."""
        return {name: one.refused for name, one in self.nodes.items() if one.refused}

    @property
    def namespaces(self) -> dict[str, NetworkNamespace]:
        """The network of each node."""
        return {name: one.namespace for name, one in self.nodes.items()}

    def namespace(self, node: str) -> NetworkNamespace:
        """The network of a node, by its full name. Raises NoSuchNodeError."""
        try:
            return self.nodes[node].namespace
        except KeyError:
            near = difflib.get_close_matches(node, self.nodes, 3) or sorted(self.nodes)[:3]
            said = ", ".join(map(quote, near))
            raise NoSuchNodeError(
                f"there is no node {quote(node)} in this lab; there are {len(self.nodes)}, such as {said}"
            ) from None

    def start(self, program: Program) -> RunningProgram:
        """Start a program on its node. Raises OSError, NoSuchNodeError."""
        node = _NOT_IN_FILE_NAMES.sub("-", program.node)[-_LONGEST_IN_FILE_NAME:]
        output = self.output / f"{len(self.programs)}.{node}.{program.name}.log"
        running = programs.start(program, self.namespace(program.node), output)
        self.programs.append(running)
        return running

    def run(self, program: Program, seconds: float) -> tuple[int, str]:
        """Run a program on its node to its end. Returns its exit status and what it printed.

        One that does not end in time is ended. Raises OSError, NoSuchNodeError.
        """
        with tempfile.TemporaryDirectory(dir=self.output) as folder:
            running = programs.start(program, self.namespace(program.node), Path(folder, "output"))
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(seconds)
            return running.stop(), running.text()

    def endings(self) -> tuple[str, ...]:
        """How those programs ended that run no more: all are meant to run as long as the network."""
        return tuple(ending for running in self.programs if (ending := running.ending))

    def close(self) -> None:
        """End all programs and let go of the namespaces."""
        for running in self.programs:
            running.process.terminate()
        for running in self.programs:
            running.stop()
        self.programs.clear()
        self.logs.clear()
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _allow_many_files() -> None:
    """A namespace, a log and whoever listens there each take a descriptor, for each node."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
