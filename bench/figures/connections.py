"""What it costs to look at 200,000 connections of a node, and to let some of them start again.

All are read from the kernel each time: `node plan` judges every one; a transition after a change of the policy reads
those that were masqueraded, or all, and deletes what the new policy treats differently (in its first round here). The
dump alone is what the kernel and the copying take.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import connections, node_commands
from bench.figure import Figure, LackError, Measured, Row, Run, Spread
from wayhome.lab.namespaces import NetworkNamespace

ENTRIES = 200_000
LIMIT = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_ROWS = {work: Row(work, "ms") for work in connections.WORKS}
_PEAKS = {work: Row(f"{work}: memory that it adds", "MiB") for work in connections.WORKS}


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


FIGURE = Figure(
    "connections",
    f"looking at {ENTRIES:,} connections, and letting some of them start again",
    "",
    tuple(row for work in connections.WORKS for row in (_ROWS[work], _PEAKS[work])),
    _measure,
)
