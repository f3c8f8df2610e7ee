"""What `wayhome lab up` is to keep up, and what to try in it."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

from wayhome.cli.lab_exports import Exports, QuestionError
from wayhome.cli.printable import printable
from wayhome.clouds import endpoints
from wayhome.lab.cases import CASES
from wayhome.lab.compiled import Asked
from wayhome.lab.cut import TooLargeError
from wayhome.lab.node_names import NodeNames
from wayhome.lab.plan import Plan
from wayhome.lab.planning import planned
from wayhome.network import Flow, Network, NodeKind, Protocol, Verdict
from wayhome.probe.flow import GREETING_PORT, HTTP_PORT
from wayhome.trace import Trace, trace

_HOSTS = (NodeKind.POD, NodeKind.INSTANCE)
LOOKED_AT = 200
"""Flows among which one is looked for that is worth a try."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The plan, once the lab's folder is known; and commands of `wayhome lab`, in which that stands as {folder}."""

    plan: Callable[[Path], Plan]
    try_next: tuple[str, ...]


def wanted_exports(directory: Path, flows: Sequence[tuple[str, str]]) -> Wanted:
    """A directory of exports, or what flows touch of it. Raises QuestionError."""
    exports = Exports.read(directory)
    asked = exports.flows(flows)
    plan = _planned(lambda: planned(str(directory), exports.estate, exports.network, asked))
    return Wanted(plan, tuple(_try_next(exports, asked)))


def wanted_case(name: str, flows: Sequence[tuple[str, str]]) -> Wanted:
    """A case, or what flows touch of it. Raises QuestionError."""
    case = CASES[name]()
    exports = Exports.of(case.estate)
    asked = exports.flows(flows)
    plan = _planned(lambda: planned(case.name, exports.estate, exports.network, asked, case.files))
    return Wanted(plan, case.try_next)


def _planned(plan: Callable[[], Callable[[Path], Plan]]) -> Callable[[Path], Plan]:
    try:
        return plan()
    except TooLargeError as error:
        raise QuestionError(str(error)) from None


def _try_next(exports: Exports, asked: Sequence[Asked]) -> Iterator[str]:
    """A flow, where its packets end, and what passes on the way."""
    network = exports.network
    names = NodeNames.of(network, endpoints.names(exports.estate, network))
    if traced := _worth_a_try(network, asked):
        yield f"exec {_typed(names, traced.at)} -- {shlex.join(_attempt(traced.flow))}"
        yield "status"
        node = traced.forward[min(1, len(traced.forward) - 1)].node
        yield f"capture {_typed(names, node)} node.pcap --seconds 10"
    yield "down"


def _typed(names: NodeNames, full: str) -> str:
    """As it can be typed: a name that would move the cursor is shown written out, which is another name."""
    short = names.short(full)
    return shlex.quote(short if printable(short) == short else (names.others[full] or (full,))[-1])


def _worth_a_try(network: Network, asked: Sequence[Asked]) -> Trace | None:
    """The first of these flows; where none is named, one between hosts that is lost, if there is one, by a Pod first."""
    if asked:
        return trace(network, asked[0].flow, asked[0].at)
    first = None
    for one in islice(_between_hosts(network), LOOKED_AT):
        traced = trace(network, one.flow, one.at)
        first = first or traced
        if traced.verdict is Verdict.UNREACHABLE:
            return traced
    return first


def _between_hosts(network: Network) -> Iterator[Asked]:
    hosts = [node for kind in _HOSTS for node in network.nodes if node.kind is kind]
    for asking, other in product(hosts, reversed(hosts)):
        source, destination = asking.addresses[:1], other.addresses[:1]
        if asking is not other and {a.family for a in source} == {a.family for a in destination}:
            yield from (
                Asked(Flow(one, to, Protocol.TCP, HTTP_PORT), asking.name)
                for one, to in zip(source, destination, strict=True)
            )


def _attempt(flow: Flow) -> Sequence[str]:
    host = str(flow.destination)
    if flow.port is None:
        return ("ping", "-c", "1", "-W", "3", host)
    if flow.protocol is Protocol.UDP or flow.port == GREETING_PORT:
        udp = ("-u",) if flow.protocol is Protocol.UDP else ()
        return ("nc", *udp, "-w", "3", host, str(flow.port))
    shown = f"[{host}]" if ":" in host else host
    port = "" if flow.port == HTTP_PORT else f":{flow.port}"
    return ("curl", "--max-time", "3", f"http://{shown}{port}/health")
