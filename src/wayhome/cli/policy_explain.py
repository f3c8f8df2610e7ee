"""`wayhome policy explain`: which line decides about a destination, and what a Pod's packet to it looks like."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from wayhome.cli.configuration_file import accepted, configuration_file, settings
from wayhome.policy import Action, Decision, Packet, Policy
from wayhome.policy.wire import Endpoint, Header, on_the_wire
from wayhome.prefixes import Family, format_address, parse_address

POD_PORT = 40000
SERVER_PORT = 80
_PORTS = (
    "PORT: the kernel chooses it, at random with --random-fully, the default; "
    f"without that and --to-ports it stays {POD_PORT} if the node has that free"
)


@dataclass(frozen=True, slots=True)
class _Explained:
    """One destination as it was asked for, the decision, and the packet before and after the node."""

    asked: str
    decision: Decision
    sent: Header
    seen: Header


def _addresses(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[Family, int]:
    try:
        return dict(parse_address(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@configuration_file
@click.argument("destinations", nargs=-1, required=True, metavar="DESTINATION…")
@click.option(
    "--pod",
    "pods",
    metavar="ADDRESS",
    multiple=True,
    callback=_addresses,
    help="The address of the Pod that sends (one of each family).",
)
@click.option(
    "--node",
    "nodes",
    metavar="ADDRESS",
    multiple=True,
    callback=_addresses,
    help="The node's address (one of each family).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")  # fmt: skip
def explain(
    file: Path, destinations: tuple[str, ...], pods: dict[Family, int], nodes: dict[Family, int],
    as_json: bool, **flags: Any,
) -> None:  # fmt: skip
    """Say which line of FILE decides about each DESTINATION, and what a Pod's packet to it looks like.

    A DESTINATION is an address, with a port if you like: 10.2.0.1, 10.2.0.1:443, [fd00::1]:443.
    """
    policy = accepted(file, settings(flags)).policy
    explained = [_explain(policy, text, pods, nodes) for text in destinations]
    if as_json:
        click.echo(json.dumps({"schema": 1, "decisions": [_row(item) for item in explained]}))
        return
    width = max(len(text) for text in destinations)
    for item in explained:
        masqueraded = item.decision.action is Action.MASQUERADE
        sees = "the node's address" if masqueraded else "the Pod's own address"
        click.echo(f"{item.asked:{width}}  {item.decision.action.value:10}  sees {sees}: {_because(file, item.decision)}")  # fmt: skip
        becomes = f"becomes {item.seen}" if masqueraded else "stays as it is"
        click.echo(f"{'':{width}}  {item.sent} {becomes}")
    if any(item.decision.action is Action.MASQUERADE for item in explained):
        click.echo(_PORTS)


def _explain(
    policy: Policy, asked: str, pods: dict[Family, int], nodes: dict[Family, int]
) -> _Explained:
    family, destination, port = _destination(asked)
    source = pods.get(family, _one_of(policy, family))
    decision = policy.decide(Packet(family, destination, source))

    def written(address: int | None) -> str | None:
        return None if address is None else format_address(family, address)

    sent = Header(
        Endpoint("POD", written(source), POD_PORT),
        Endpoint("DESTINATION", written(destination), port),
    )
    return _Explained(
        asked, decision, sent, on_the_wire(sent, decision, written(nodes.get(family)))
    )


def _one_of(policy: Policy, family: Family) -> int | None:
    """A Pod of the node, if its ranges are known: the address after the one that usually is the bridge's."""
    pods = next((p for p in policy.pod_cidrs or () if p.family is family), None)
    return min(pods.first + 2, pods.last) if pods else None


def _destination(text: str) -> tuple[Family, int, int]:
    address, port = text, SERVER_PORT
    if text.startswith("[") or text.count(":") == 1:
        address, _, digits = text.rpartition(":")
        address = address.removeprefix("[").removesuffix("]")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) < 65536):  # fmt: skip
            raise _bad_destination(f"{text!r} has no port from 1 to 65535 behind its address")
        port = int(digits)
    try:
        return *parse_address(address), port
    except ValueError:
        raise _bad_destination(f"{text!r} is not an IP address") from None


def _bad_destination(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="DESTINATION")


def _row(item: _Explained) -> dict[str, Any]:
    entry = item.decision.entry
    return {
        "destination": item.asked,
        "action": item.decision.action.value,
        "reason": item.decision.reason.name.lower().replace("_", "-"),
        "entry": str(entry.prefix) if entry else None,
        "line": entry.origin.line if entry else None,
        "sent": _header(item.sent),
        "on_the_wire": _header(item.seen),
    }


def _header(header: Header) -> dict[str, str | int | None]:
    """Null stands for an address that was not given, and for a port that the kernel chooses."""
    return {
        "source": header.source.address,
        "source_port": header.source.port,
        "destination": header.destination.address,
        "destination_port": header.destination.port,
    }


def _because(file: Path, decision: Decision) -> str:
    if decision.entry is None:
        return decision.reason.value
    entry = decision.entry
    if entry.origin.line:
        return f"{file}:{entry.origin.line} ({entry.prefix} in {entry.origin.key})"
    return f"the {entry.origin} ({entry.prefix})"
