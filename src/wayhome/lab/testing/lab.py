"""A lab whose server is another process."""

import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Self

from wayhome.lab.compiled import Sighted
from wayhome.lab.compiled.held import NOTHING, Held, held_in
from wayhome.lab.cut import MOST_NODES, TooLargeError
from wayhome.lab.namespaces import NamespaceRefusedError, own_command
from wayhome.lab.node_names import LONGEST, NodeNames
from wayhome.lab.packets import Packet
from wayhome.lab.programs import ProgramError, RunningProgram
from wayhome.lab.testing.channel import Channel, ChannelClosedError
from wayhome.lab.testing.node import Node
from wayhome.lab.testing.requests import Build, Built, Dropped, Failure, Refused, Request
from wayhome.lab.testing.server import ALONE
from wayhome.network import Network
from wayhome.policy.findings import quote

END_SECONDS = 10.0
MOST_LINES = 50
"""Of what died, in the report of a test."""
_PROTOCOLS = {
    socket.IPPROTO_TCP: "tcp",
    socket.IPPROTO_UDP: "udp",
    socket.IPPROTO_ICMP: "icmp",
    socket.IPPROTO_ICMPV6: "icmp",
}
_SERVE = """
import sys
channel, *sys.path = sys.argv[1:]
from wayhome.lab.testing.server import main
main(int(channel))
"""
"""What the server runs: it imports from where this process does."""


class Lab:
    """A network out of namespaces, or one node alone.

    Several threads may use it. `folder` holds what its programs print; `programs` are those that were started.
    `refused` are the nodes whose own rules this machine did not take, and why: they do what was read of their rules.
    """

    def __init__(
        self,
        network: Network | None,
        folder: Path,
        names: NodeNames | None = None,
        own: Held = NOTHING,
    ) -> None:
        """Build it. `own` are rules that nodes hold themselves. Raises NamespaceRefusedError, OSError, ProgramError."""
        self.folder = folder
        self.programs: list[RunningProgram] = []
        self.numbers = count(1)
        """Of what is started."""
        self._names = names or NodeNames.of(network or Network((), ()))
        self._asking = threading.Lock()
        self._said = folder / "server.log"
        here, there = socket.socketpair()
        self._channel = Channel(here)
        with there, self._said.open("wb") as log:
            self._server = subprocess.Popen(
                (sys.executable, "-P", "-c", _SERVE, str(there.fileno()), *filter(None, sys.path)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Where namespaces are refused, what works instead is this process's command.
                env={**os.environ, "WAYHOME_COMMAND": own_command()},
                pass_fds=(there.fileno(),),
                process_group=0,  # Ctrl-C is for the test's process, which then ends it
            )
        try:
            built, _ = self.ask(Build(network, own))
            assert isinstance(built, Built)  # noqa: S101 (what Build is answered by)
        except BaseException:
            self.close()
            raise
        self.sees_drops, self.refused = built.sees_drops, built.refused
        nodes = network.nodes if network else ()
        self.nodes = {node.name: Node(self, node.name, node.addresses) for node in nodes}
        """By their full names."""
        if network is None:
            self.nodes[ALONE] = Node(self, ALONE, ())

    def node(self, name: str) -> Node:
        """The node that is called so: in full, by the end of its name, or as exports call it.

        Raises node_names.NodeNameError, which says what there is.
        """
        return self.nodes[name] if name in self.nodes else self.nodes[self._names.find(name)]

    def drops(self) -> list[Sighted]:
        """What died so far: on which node, by which cause of the network's, and the packet's head.

        Raises compiled.missing.MissingFeatureError where this machine's kernel does not show it.
        """
        drops, _ = self.ask(Dropped())
        assert isinstance(drops, list)  # noqa: S101 (what Dropped is answered by)
        return drops

    def ask(
        self, request: Build | Request, descriptors: Sequence[int] = ()
    ) -> tuple[object, list[int]]:
        """Ask the server. Raises what it raised."""
        with self._asking:
            try:
                self._channel.send(request, descriptors)
                answer, given = self._channel.receive()
            except ChannelClosedError:
                said = self._said.read_text(errors="replace").strip()
                raise ProgramError(f"the lab has ended: {said or 'its process is gone'}") from None
            except BaseException:  # interrupted: the next answer would be that of this request
                self._channel.close()
                raise
        match answer:
            case Refused(reason, command, in_container):
                raise NamespaceRefusedError(reason, command, in_container=in_container)
            case Failure(error):
                raise error
            case _:
                return answer, given

    def story(self) -> str:
        """What a test that failed should know: what died, and how programs ended."""
        died = Counter(map(self._death, self.drops() if self.sees_drops else ()))
        lines = [f"{text}, {times} times" if times > 1 else text for text, times in died.items()]
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
        return "\n".join([*lines, *(one.ending for one in self.programs if one.ending)])

    def _death(self, drop: Sighted) -> str:
        name = quote(self._names.short(drop.node), LONGEST)
        return f"{_flow(drop.packet)} died at {name}: {drop.cause}"

    def close(self) -> None:
        """Take it down, and wait for the end of everything in it. Twice is once."""
        self._channel.close()
        try:
            self._server.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        for one in self.programs:
            one.process.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lab_of(what: Network | Path | str, folder: Path) -> Lab:
    """The lab of a network, or of a directory of exports.

    Raises besides what Lab raises clouds.read.UnreadableDirectoryError, cut.TooLargeError, and network.NetworkError for
    exports that contradict each other.
    """
    if isinstance(what, Network):
        return Lab(what, folder)
    from wayhome.clouds.compile import compile_estate  # noqa: PLC0415 (msgspec; only for exports)
    from wayhome.clouds.endpoints import names  # noqa: PLC0415
    from wayhome.clouds.read import read_estate  # noqa: PLC0415

    estate = read_estate(Path(what))
    network = compile_estate(estate)
    if len(network.nodes) > MOST_NODES:
        raise TooLargeError(
            f"the network of {what} has {len(network.nodes):,} nodes, and at most {MOST_NODES:,} are built"
        )
    known = NodeNames.of(network, names(estate, network))
    return Lab(network, folder, known, held_in(estate, network))


def _flow(packet: Packet | None) -> str:
    if packet is None:
        return "a packet"
    protocol = _PROTOCOLS.get(packet.transport, str(packet.transport))
    ends = (packet.source, packet.source_port), (packet.destination, packet.destination_port)
    if protocol == "icmp":
        return f"{packet.source} > {packet.destination} icmp"
    return " > ".join(f"[{a}]:{p}" if a.version == 6 else f"{a}:{p}" for a, p in ends) + f" {protocol}"  # fmt: skip
