"""What it costs to look at 200,000 connections of a node, and to let some of them start again.

All are read from the kernel each time: `node plan` judges every one; a transition after a change of the policy reads
those that were masqueraded, or all, and deletes what the new policy treats differently (in its first round here). The
dump alone is what the kernel and the copying take. In the end the agent itself starts on that node, and its file changes,
with and without `--transition=expire-udp`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import connections, node_commands, process
from bench.agent import Agent
from bench.figure import Figure, LackError, Measured, Row, Run, Spread
from wayhome.lab.namespaces import NetworkNamespace

ENTRIES = 200_000
LIMIT = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_ROWS = {work: Row(work, "ms") for work in connections.WORKS}
_PEAKS = {work: Row(f"{work}: memory that it adds", "MiB") for work in connections.WORKS}
_MODES = ("keep", "expire-udp")
_START = {mode: Row(f"the agent, {mode}: process start to first list", "ms") for mode in _MODES}
_CHANGE = {mode: Row(f"the agent, {mode}: file written to list logged", "ms") for mode in _MODES}
_EXPIRED = Row("the agent, expire-udp: file written to connections logged as ended", "ms")
_RESIDENT = {mode: Row(f"the agent, {mode}: peak resident after that", "MiB") for mode in _MODES}
_AGENT_ROWS = (*(rows[mode] for mode in _MODES for rows in (_START, _CHANGE, _RESIDENT)), _EXPIRED)


def _measure(run: Run) -> Iterator[Measured]:
    limit = int(LIMIT.read_text()) if LIMIT.exists() else 0
    if limit < ENTRIES:  # it holds for all networks, and is the initial one's to set
        raise LackError(f"net.netfilter.nf_conntrack_max is {limit:,}, below {ENTRIES:,}")
    with NetworkNamespace.create() as network, network.entered():
        # Only what is masqueraded to an address of the node is taken for ours.
        node_commands.run("ip", "route", "add", "local", "203.0.113.1/32", "dev", "lo")
        run.say(f"making {ENTRIES:,} connections")
        tracked = connections.fill(ENTRIES)
        for work, row in _ROWS.items():
            run.say(work)
            command = [sys.executable, "-m", "bench.connections", work, str(run.pick(15, 3))]
            said = json.loads(subprocess.check_output(command))
            milliseconds = (1000 * seconds for seconds in said["seconds"])
            note = f"{said['found']:,} of {tracked:,}"
            yield Measured(row, Spread.of(milliseconds), note)
            yield Measured(_PEAKS[work], Spread.of([said["grown"]]))
        for mode in _MODES:
            yield from _agent(run, mode)


def _agent(run: Run, mode: str) -> Iterator[Measured]:
    starts, changes, expired, resident = [], [], [], []
    for number in range(1, run.pick(9, 3) + 1):
        run.say(f"round {number}: the agent, {mode}")
        connections.fill(ENTRIES)  # also what the round before has ended
        with Agent(run.folder, arguments=(f"--transition={mode}",)) as agent:
            agent.write(_text(connections.OLD_RANGES))
            started = time.perf_counter()
            agent.start()
            agent.applied(0)
            starts.append(1000 * (time.perf_counter() - started))
            agent.prepare(_text(connections.NEW_RANGES))
            started = time.perf_counter()
            agent.put()
            agent.applied(1)
            changes.append(1000 * (time.perf_counter() - started))
            if mode != "keep":
                agent.logged("transition")
                expired.append(1000 * (time.perf_counter() - started))
                time.sleep(2)  # the second run
            agent.alive()
            resident.append(process.peak_resident(agent.pid) / (1 << 20))
    yield Measured(_START[mode], Spread.of(starts))
    yield Measured(_CHANGE[mode], Spread.of(changes))
    yield Measured(_RESIDENT[mode], Spread.of(resident))
    if expired:
        yield Measured(_EXPIRED, Spread.of(expired))


def _text(ranges: tuple[str, ...]) -> str:
    return f"nonMasqueradeCIDRs: [{', '.join(ranges)}]\n"


FIGURE = Figure(
    "connections",
    f"looking at {ENTRIES:,} connections, and letting some of them start again",
    "",
    (*(row for work in connections.WORKS for row in (_ROWS[work], _PEAKS[work])), *_AGENT_ROWS),
    _measure,
    slow=True,
)
