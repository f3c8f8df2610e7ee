"""A lab of 200 nodes: built, asked, taken down, and what a node costs.

It is down when the kernel has taken its networks apart, which it does behind the last close: a witness has a link into
each of them, and has lost them all.
"""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from bench.lab_network import flows, lab_network
from wayhome.lab.compiled import Asked, LabNetwork
from wayhome.lab.compiled.names import Interface
from wayhome.lab.compiled.rtnetlink import Rtnetlink, pair
from wayhome.lab.namespaces import NetworkNamespace

_NODES, _FLOWS = 200, 1000
_BUILT = Row("built and routed", "s", at_most(3))
_DOWN = Row("taken down, and gone from the kernel", "s", at_most(1))
_ASKED = Row("a thousand flows asked", "s")
_MEMORY = Row("kernel memory of a node", "KiB")


def _measure(run: Run) -> Iterator[Measured]:
    rounds = run.pick(7, 2)
    found = []
    for number in range(rounds):
        run.say(f"round {number + 1} of {rounds}")
        found.append(_once())
    for row, values in zip((_BUILT, _DOWN, _ASKED, _MEMORY), zip(*found, strict=True), strict=True):
        # A later lab takes the memory that an earlier one left to the kernel's caches.
        yield Measured(row, Spread.of(values[:1] if row is _MEMORY else values))


def _once() -> tuple[float, float, float, float]:
    network = lab_network(_NODES)
    asked = [Asked(flow, at) for flow, at in flows(network, _FLOWS)]
    slab, started = _slab(), time.perf_counter()
    lab = LabNetwork(network)
    built, memory = time.perf_counter() - started, (_slab() - slab) / len(network.nodes)
    with NetworkNamespace.create() as witness:
        _watch(lab, witness)
        started = time.perf_counter()
        seen = lab.ask(asked)
        answered = time.perf_counter() - started
        started = time.perf_counter()
        lab.close()
        _wait_for_the_end(witness)
        down = time.perf_counter() - started
    if not all(one.reached for one in seen):
        raise NotReachedError(f"{sum(not one.reached for one in seen)} flows were lost")
    return built, down, answered, memory


def _watch(lab: LabNetwork, witness: NetworkNamespace) -> None:
    numbers = count(1_000_000)
    with witness.entered(), Rtnetlink.opened() as here:
        here.obey(
            pair(
                Interface(f"w{at}", next(numbers)),
                witness.descriptor,
                Interface("witness", next(numbers)),
                one.namespace.descriptor,
                None,
            )
            for at, one in enumerate(lab.built.nodes.values())
        )


def _wait_for_the_end(witness: NetworkNamespace) -> None:
    until = time.monotonic() + 30
    with witness.entered(), Rtnetlink.opened() as here:
        while here.links() > 1:  # its loopback
            if time.monotonic() > until:
                raise NotReachedError("the kernel has not taken the networks apart after 30 s")
            time.sleep(0.005)


def _slab() -> int:
    """What the kernel's own objects take, in KiB: of the whole machine."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Slab:"))


FIGURE = Figure(
    "labs",
    f"a lab of {_NODES} nodes out of namespaces",
    "",
    (_BUILT, _DOWN, _ASKED, _MEMORY),
    _measure,
)
