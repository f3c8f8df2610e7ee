"""One line added to 10,000: what the kernel is sent, whether a program is started for it, and how long that takes.

The transaction is seen as the kernel reports it, message by message. An interval is two elements, a start and an end.
That no child process was started shows in the page faults of the agent's children, which stand still. The time is
what the agent logs for reading, comparing and committing, without reading the file of 10,000 lines, which is said
with it: that is `file-to-kernel`.
"""

import socket
import time
from collections.abc import Iterator

from bench import process
from bench.agent import Agent
from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from bench.lists import List
from bench.watch import Commit, CommitLog, TableWatch
from wayhome.lab.namespaces import NetworkNamespace

ENTRIES = 10_000
PAUSE_SECONDS = 0.5
_ELEMENTS = Row("elements in the transaction", "", at_most(2), needs_root=True)
_CHILDREN = Row("changes that started a child process", "", at_most(0), needs_root=True)
_TIME = Row("read, compared and committed, by its log", "ms", at_most(5), needs_root=True)
_WHOLE = Row("from the file to the kernel", "ms", needs_root=True)


def _measure(run: Run) -> Iterator[Measured]:
    if not run.real_root:
        return
    rounds = run.pick(15, 5)
    sizes, children, logged, whole = [], 0, [], []
    with (
        NetworkNamespace.create() as network,
        network.entered(),
        TableWatch() as watch,
        Agent(run.folder) as agent,
    ):
        commits = CommitLog()
        before = List(ENTRIES)
        agent.write(before)
        agent.start()
        watch.until_kept(before.marker)
        for number in range(1, rounds + 1):
            run.say(f"round {number} of {rounds}")
            after = List(ENTRIES, added=number)
            agent.prepare(after)
            time.sleep(PAUSE_SECONDS)
            commits.take()
            faults = process.child_faults(agent.pid)
            started = time.perf_counter()
            agent.put()
            whole.append(1000 * (watch.until_kept(after.newest) - started))
            logged.append(float(agent.applied(number)["milliseconds"]))
            children += process.has_started_children(agent.pid, faults)
            sizes.append(float(_one_interval(commits.take(), after)))
        commits.close()
    yield Measured(
        _ELEMENTS, Spread.of(sizes), "a start and an end, both of the entry that was added"
    )
    yield Measured(_CHILDREN, Spread.of([children]), f"of {rounds}")
    yield Measured(_TIME, Spread.of(logged))
    yield Measured(_WHOLE, Spread.of(whole))


def _one_interval(commits: list[Commit], added: List) -> int:
    """The elements of the one commit, all of them of the entry that was added. Raises NotReachedError."""
    if len(commits) != 1:
        raise NotReachedError(f"there were {len(commits)} transactions instead of one")
    (commit,) = commits
    if not commit.only_elements:
        raise NotReachedError(f"not only elements changed: message types {sorted(commit.kinds)}")
    start = socket.inet_aton(added.newest)
    end = (int.from_bytes(start) + 256).to_bytes(4)
    foreign = [held for held in commit.elements if start not in held and end not in held]
    if foreign:
        raise NotReachedError(f"{len(foreign)} elements of other entries were in the transaction")
    return len(commit.elements)


FIGURE = Figure(
    "one-entry",
    f"one entry added to {ENTRIES:,}",
    "",
    (_ELEMENTS, _CHILDREN, _TIME, _WHOLE),
    _measure,
)
