"""From a request that writes the ConfigMap to the rules in the kernel: the one command of the account, and its minute.

The time begins when the request leaves and ends with the commit after which the kernel keeps the new range. The agent
makes at most five transactions a second, so the changes come slower than that. Beside a restore of kube-proxy's rules,
which begins again and again, our transaction waits until the kernel has taken theirs as a whole.
"""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import kube_proxy, node_commands
from bench.api import ApiServer, api_mode
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

PAUSE_SECONDS = 0.3
ENTRIES = 64
RULES = 50_000
_MEDIAN = Row("on a quiet node", "ms", at_most(50))
_P99 = Row("on a quiet node, 99th percentile", "ms", at_most(150))
_BESIDE = Row(f"beside a restore of {RULES:,} rules by iptables-nft", "ms")
_BESIDE_P99 = Row("beside that restore, 99th percentile", "ms")


def _change(server: ApiServer, watch: TableWatch, wanted: List) -> float:
    """Milliseconds from the request to the commit; after a pause."""
    time.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    asked = server.send(wanted)
    taken = 1000 * (watch.until_kept(wanted.marker) - started)
    server.answer(asked)
    return taken


@contextmanager
def _restoring() -> Iterator[None]:
    """Somebody restores a large table again and again within the block."""
    text, ended = kube_proxy.restore_text(RULES), threading.Event()
    with NetworkNamespace.current() as here:

        def restore() -> None:
            with here.entered():
                while not ended.is_set():
                    node_commands.run("iptables-nft-restore", text=text)

        thread = threading.Thread(target=restore)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _p99(taken: list[float]) -> Spread:
    return Spread.of([statistics.quantiles(taken, n=100, method="inclusive")[98]])


def _measure(run: Run) -> Iterator[Measured]:
    rounds, few = run.pick(300, 40), run.pick(100, 20)
    with api_mode(run.folder, ENTRIES) as (watch, server, _):
        numbers = iter(range(1, 1 << 16))

        def several(row: Row, rounds: int) -> list[float]:
            taken = []
            for round_number in range(1, rounds + 1):
                run.say(f"round {round_number} of {rounds}: {row.what}")
                number = next(numbers)
                wanted = List(ENTRIES, f"200.{number >> 8}.{number & 255}.0")
                taken.append(_change(server, watch, wanted))
            return taken

        quiet = several(_MEDIAN, rounds)
        yield Measured(_MEDIAN, Spread.of(quiet))
        yield Measured(_P99, _p99(quiet))
        with _restoring():
            beside = several(_BESIDE, few)
        yield Measured(_BESIDE, Spread.of(beside))
        yield Measured(_BESIDE_P99, _p99(beside))


FIGURE = Figure(
    "api-to-kernel",
    f"from the request that writes the ConfigMap to the rules in the kernel, {ENTRIES} entries",
    "",
    (_MEDIAN, _P99, _BESIDE, _BESIDE_P99),
    _measure,
)
