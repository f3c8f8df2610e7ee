"""A lab of 200 nodes as a person has it: `wayhome lab up --from`, somebody asks in it, `wayhome lab down`.

All that the commands do is in the time: starting Python, reading and compiling the exports, and waiting until it is up.
Of memory that processes share each has its part; what the kernel has of a node is in the figure `labs`.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import hosts_exports
from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate

INSTANCES, _NODES = 188, 200
_UP = Row("`lab up --from` until it is up", "s", at_most(3))
_COMPUTED = Row("processor time until then", "s")
_DOWN = Row("`lab down` until nothing of it runs", "s", at_most(1))
_ASKED = Row("`lab exec NODE -- curl`, answered", "ms")
_MEMORY = Row("memory of the lab's processes, for each node", "KiB")


_ROWS = (_UP, _COMPUTED, _DOWN, _ASKED, _MEMORY)


def _measure(run: Run) -> Iterator[Measured]:
    exports = run.folder / "exports"
    exports.mkdir()
    hosts_exports.write(exports, INSTANCES)
    nodes = len(compile_estate(read_estate(exports)).nodes)
    rounds = run.pick(9, 3)
    found = []
    for number in range(rounds):
        run.say(f"round {number + 1} of {rounds}")
        found.append(_once(exports, run.folder, nodes))
    for row, values in zip(_ROWS, zip(*found, strict=True), strict=True):
        yield Measured(row, Spread.of(values), f"{nodes} nodes")


def _once(exports: Path, folder: Path, nodes: int) -> tuple[float, ...]:
    def lab(*arguments: str) -> tuple[float, str]:
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "wayhome", "lab", *arguments],
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotReachedError(f"lab {arguments[0]}: {done.stderr}")
        return time.perf_counter() - started, done.stdout

    computed = _of_children()
    up, said = lab("up", "--from", str(exports))
    if f": {nodes} nodes" not in said:
        raise NotReachedError(f"not all nodes are up: {said}")
    computed = _of_children() - computed + sum(map(_computed, _processes(folder)))
    asked, _ = lab("exec", "host-0", "--", "curl", "--fail", "--silent", "http://10.1.0.2/health")
    running = _processes(folder)
    memory = sum(map(_own_memory, running)) / nodes
    down, _ = lab("down")
    if left := _processes(folder):
        raise NotReachedError(f"processes are left: {left}")
    return up, computed, down, 1000 * asked, memory


def _processes(folder: Path) -> list[int]:
    """Those of the lab in that folder, by their environment."""
    wanted, found = f"XDG_RUNTIME_DIR={folder}\0".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _computed(process: int) -> float:
    """Seconds, with those of its children that have ended (proc(5))."""
    after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own_memory(process: int) -> int:
    """In KiB; what several processes share is divided among them."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


FIGURE = Figure(
    "kept-labs",
    f"a lab of {_NODES} nodes kept up by the command",
    "",
    _ROWS,
    _measure,
)
