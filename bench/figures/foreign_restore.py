"""Somebody else's large restore while our file changes all the time: theirs must not be starved by our transactions.

Every commit in a network makes whoever prepares a large one start over. So ours are five a second at most, however
often the file changes. The restore is kube-proxy's 50,000 rules by iptables-nft-restore, in a network of its own each
time; alone and beside our agent in turns.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import kube_proxy, node_commands
from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.interleave import interleaved
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

RULES = 50_000
INTERVAL = 0.01
"""Seconds between two changes of our file."""
_ALONE = Row("their restore, alone", "ms")
_BESIDE = Row("their restore, beside ours", "ms")
_TIMES = Row("times as long beside ours", "", at_most(2))
_OURS = Row("our transactions in a second, the most", "", at_most(5))


@contextmanager
def _changing(agent: Agent) -> Iterator[None]:
    """The file changes all the time within the block."""
    ended = threading.Event()

    def change() -> None:
        number = 0
        while not ended.wait(INTERVAL):
            number += 1
            agent.write(List(64, f"200.{number >> 8 & 127}.{number & 255}.0"))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _restore(text: str) -> float:
    started = time.perf_counter()
    node_commands.run("iptables-nft-restore", text=text)
    return 1000 * (time.perf_counter() - started)


@contextmanager
def _agent(run: Run) -> Iterator[TableWatch]:
    with (
        NetworkNamespace.create() as network,
        network.entered(),
        TableWatch() as watch,
        Agent(run.folder) as agent,
    ):
        agent.write(List(64))
        agent.start()
        watch.until_kept(List(64).marker)
        with _changing(agent):
            yield watch


def _most_in_a_second(watch: TableWatch, seconds: float) -> int:
    """Nobody else writes in this network."""
    seen = [(time.monotonic(), watch.generation())]
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.005)
        seen.append((time.monotonic(), watch.generation()))
        latest, generation = seen[-1]
        first = next(number for moment, number in seen if moment > latest - 1)
        most = max(most, generation - first)
    return most


def _measure(run: Run) -> Iterator[Measured]:
    text = kube_proxy.restore_text(RULES)

    def alone() -> float:
        with NetworkNamespace.create() as network, network.entered():
            return _restore(text)

    def beside() -> float:
        with _agent(run):
            return _restore(text)

    pairs = interleaved(run.pick(9, 3), alone, {_BESIDE.what: beside}, run.say)[_BESIDE.what]
    yield Measured(_ALONE, Spread.of(pair.peer for pair in pairs))
    yield Measured(_BESIDE, Spread.of(pair.candidate for pair in pairs))
    yield Measured(_TIMES, Spread.of(pair.ratio for pair in pairs))
    run.say(_OURS.what)
    with _agent(run) as watch:
        yield Measured(_OURS, Spread.of([_most_in_a_second(watch, run.pick(20, 5))]))


FIGURE = Figure(
    "foreign-restore",
    f"a restore of {RULES:,} rules by others while our file changes {1 / INTERVAL:.0f} times a second",
    "the same restore without us",
    (_ALONE, _BESIDE, _TIMES, _OURS),
    _measure,
)
