"""Builds the large network and asks about flows in it, in a process of its own: `python -m bench.tracing FLOWS ROUNDS FABRICS`.

Prints one JSON document: how long building took, each round's questions a second, and the most memory. One process on
one core; a question is a packet out, and its reply home.
"""

import json
import sys
import time
from collections import Counter

from bench.apart import peak_mib
from bench.large_network import build, flows
from wayhome.trace import trace, trace_reverse


def main(count: int, rounds: int, fabrics: int) -> None:
    """Measure and print."""
    started = time.perf_counter()
    network = build(fabrics)
    built = time.perf_counter() - started
    asked = list(flows(count, fabrics))
    for flow, node in asked[:100]:
        trace(network, flow, node)  # the index of the firewall is built at the first question
    verdicts: Counter[str] = Counter()
    rates: dict[str, list[float]] = {"traces": [], "computed": [], "with_reverse": []}
    for _ in range(rounds):
        started, computed = time.perf_counter(), time.process_time()
        answers = [trace(network, flow, node) for flow, node in asked]
        taken = time.perf_counter() - started
        rates["traces"].append(count / taken)
        rates["computed"].append(count / (time.process_time() - computed))
        verdicts.update(f"{answer.verdict} {answer.lost or ''}".strip() for answer in answers)
        started = time.perf_counter()
        for answer in answers:
            trace_reverse(network, answer)
        rates["with_reverse"].append(count / (taken + time.perf_counter() - started))
    document = {"build_seconds": built, "peak_mib": peak_mib(), "verdicts": verdicts, **rates}
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
