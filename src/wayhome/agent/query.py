"""`wayhome-agent query`: asks the agent in whose container it is started. Nothing is changed.

    query status                what the agent's Lease says, and more
    query plan                  what a configuration, on standard input, would change on this node
    query translation PROTOCOL SOURCE:PORT DESTINATION:PORT
                                which address a connection left this node with

Each prints one JSON document. The first is the agent's own answer. The others look into the kernel, and do so in this
process and not in the agent's: with a million connections a plan takes many seconds, during which the agent's worker
could do nothing else, and memory, which the agent would keep. The memory is the container's all the same, so this
process asks to be ended first where there is too little.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from wayhome.agent.query_client import NoAgentError, ask
from wayhome.agent.query_server import QUERY_SOCKET, Document

PLAN_SECONDS = 20.0
END_ME_FIRST = "1000"
POLITENESS = 10


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0 as wanted, 1 something would change, 2 usage or rejected, 3 not known, 4 not possible."""
    parser = argparse.ArgumentParser(prog="wayhome-agent query", description="Asks the agent in whose container it is started.")  # fmt: skip
    parser.add_argument("--query-socket", type=Path, default=QUERY_SOCKET, metavar="PATH", help=f"the agent's ({QUERY_SOCKET})")  # fmt: skip
    queries = parser.add_subparsers(dest="query", required=True, metavar="QUERY")
    queries.add_parser("status", help="what the agent's Lease says, and more")
    plan = queries.add_parser(
        "plan", help="what a configuration, on standard input, would change on this node"
    )
    plan.add_argument("--bytes", type=int, metavar="N", help="how many to read (until the end)")
    plan.add_argument(
        "--united",
        action="store_true",
        help="it is the text of several ConfigMaps, as wayhome cluster apply unites them",
    )
    plan.add_argument("--seconds", type=float, default=PLAN_SECONDS, help=f"for looking at connections ({PLAN_SECONDS:g})")  # fmt: skip
    translation = queries.add_parser(
        "translation", help="which address a connection left this node with"
    )
    translation.add_argument("protocol", choices=("tcp", "icmp"))
    translation.add_argument("source", metavar="SOURCE:PORT", help="ICMP: the echo's identifier")
    translation.add_argument("destination", metavar="DESTINATION[:PORT]")
    found = parser.parse_args(arguments)
    try:
        document, code = _answered(found)
    except NoAgentError as error:
        sys.stderr.write(f"wayhome-agent query: {error}\n")
        return 4
    sys.stdout.write(json.dumps(document) + "\n")
    return code


def _answered(found: argparse.Namespace) -> tuple[Document, int]:
    if found.query == "status":
        return ask(found.query_socket, "status"), 0
    _step_back()
    if found.query == "translation":
        from wayhome.agent.query_translation import translation  # noqa: PLC0415

        return translation(found.protocol, found.source, found.destination)
    from wayhome.agent.query_plan import plan  # noqa: PLC0415

    agent = ask(found.query_socket, "configuration")
    candidate = _read(found.bytes)
    return plan(agent, candidate, found.seconds, united=found.united)


def _step_back() -> None:
    """Where memory or time is short, the agent goes first."""
    with suppress(OSError):
        os.nice(POLITENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(END_ME_FIRST)


def _read(most: int | None) -> bytes:
    """The candidate. An API server before 1.30 does not tell the end of standard input, so its size may be given."""
    from wayhome.policy.configuration import LARGEST  # noqa: PLC0415

    return sys.stdin.buffer.read(LARGEST + 1 if most is None else min(most, LARGEST + 1))
