"""`wayhome lab status`: what is up, what its agents say, and which packets died."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from wayhome.cli.lab_errors import errors
from wayhome.cli.printable import printable
from wayhome.lab import agent_log, deaths, remote
from wayhome.lab.deaths import Counted
from wayhome.lab.node_names import NodeNames
from wayhome.lab.state import LabState, lab_folder
from wayhome.report.names import shortened

SHOWN = 10


@click.command(short_help="Show the nodes, what the agents say, and which packets died.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def status(as_json: bool) -> None:
    """Show the lab that is up: its nodes, its agents with what they said last, and the packets that died last in it."""
    with errors():
        state = remote.current()
        died = deaths.read(lab_folder())
        if as_json:
            click.echo(json.dumps(_document(state, died), indent=2))
            return
        for line in _lines(state, died):
            click.echo(printable(line))


def _lines(state: LabState, died: list[Counted]) -> Iterator[str]:
    names = remote.names(state)
    yield f"{state.title} is up; its keeper is process {state.keeper}"
    yield from (f"  {shortened(remark)}" for remark in state.remarks)
    shown = {names.short(full): node for full, node in state.nodes.items()}
    width = min(40, max(map(len, shown), default=0))
    for name, node in shown.items():
        yield f"  {name:<{width}}  {', '.join(node.addresses)}".rstrip()
    for full, agent in state.agents.items():
        said = _said(agent.log)
        yield f"agent on {names.short(full)}: {said or 'nothing'}"
        yield f"  its log: {agent.log}"
    if died:
        yield "packets that died, the last ones first:"
    for counted in list(reversed(died))[:SHOWN]:
        yield f"  {_death(counted, names)}"


def _said(log: str) -> str:
    said = agent_log.events(Path(log).read_text(errors="replace"))
    return said[-1].message if said else ""


def _death(counted: Counted, names: NodeNames) -> str:
    death = counted.death
    ends = " > ".join(
        f"{address}:{port}" if port and death.transport in {"tcp", "udp"} else address
        for address, port in (
            (death.source, death.source_port),
            (death.destination, death.destination_port),
        )
    )
    times = "once" if counted.times == 1 else f"{counted.times} times"
    ago = max(0, round(time.time() - counted.last))
    return f"{ends} {death.transport} at {names.short(death.node)}: {death.cause} ({times}, {ago} s ago)"


def _document(state: LabState, died: list[Counted]) -> dict[str, Any]:
    return {
        "schema": 1,
        "title": state.title,
        "keeper": state.keeper,
        "remarks": list(state.remarks),
        "nodes": [
            {"name": full, "addresses": node.addresses} for full, node in state.nodes.items()
        ],
        "agents": [
            {"node": full, "said": _said(agent.log), "log": agent.log}
            for full, agent in state.agents.items()
        ],
        "died": [
            {
                "node": one.death.node,
                "cause": one.death.cause,
                "source": one.death.source,
                "source_port": one.death.source_port or None,
                "destination": one.death.destination,
                "destination_port": one.death.destination_port or None,
                "protocol": one.death.transport,
                "times": one.times,
                "last": one.last,
            }
            for one in died
        ],
    }
