"""`wayhome node conflicts`: the rules of others that translate the connections about which our table decides."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import click

from wayhome.agent.flag_values import parse_prefixes
from wayhome.cli.parsed import checked
from wayhome.cli.printable import printable
from wayhome.kernel import KernelError, NftablesKernel
from wayhome.kernel.foreign.conflicts import Conflict, Order, order_of
from wayhome.kernel.foreign.conflicts import conflicts as find_conflicts
from wayhome.kernel.foreign.differences import ours_of_chains
from wayhome.kernel.foreign.observation import called, conflicts_with_agents
from wayhome.kernel.foreign.ours import Ours, ours_of
from wayhome.kernel.foreign.ranges import prefixes_of, written
from wayhome.kernel.foreign.read import read
from wayhome.kernel.skeleton import CHAIN, TABLE
from wayhome.netfilter.agent_chains import AgentChain
from wayhome.netfilter.rules import BaseChain
from wayhome.prefixes import Family, Intervals, Prefix

NO_TABLE = (
    "there is no table inet wayhome in force here, and no chain of an ip-masq-agent, so there is nothing that others "
    "could be in conflict with: start the agent on this node first (`wayhome-agent`, or the DaemonSet with its image), "
    "in this network namespace"
)


@click.command()
@click.option(
    "--pod-cidrs",
    metavar="CIDRS",
    callback=checked(parse_prefixes),
    help="This node's Pod ranges, where our table does not know them: rules for other sources are left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")  # fmt: skip
def conflicts(pod_cidrs: tuple[Prefix, ...] | None, *, as_json: bool) -> None:
    """List the rules of others that translate the same connections as ours, in the kernel's order.

    Ours are the table inet wayhome; on a node without it, the chains of an ip-masq-agent, whoever keeps them.

    Exit code 1: there are conflicts. 4: neither is there, or a program that is needed is not.
    """
    try:
        with NftablesKernel() as kernel:
            table = ours_of(kernel.read())
        chains = read()
    except KernelError as error:
        click.echo(printable(str(error)), err=True)
        sys.exit(4)
    agents = () if table else called(chains)
    ours = table or ours_of_chains(agents)
    if ours is None:
        click.echo(NO_TABLE, err=True)
        sys.exit(4)
    pods = ours.pods if pod_cidrs is None else _by_family(pod_cidrs)
    if table:
        found = find_conflicts(chains, ours, pods)
    else:
        found = conflicts_with_agents(chains, replace(ours, pods=pods))
    if as_json:
        click.echo(json.dumps(_document(chains, ours, agents, found)))
    else:
        for line in _report(chains, ours, agents, found):
            click.echo(printable(line))
    sys.exit(1 if found else 0)


def _by_family(cidrs: Iterable[Prefix]) -> Mapping[Family, Intervals]:
    by_family: dict[Family, list[tuple[int, int]]] = {}
    for prefix in cidrs:
        by_family.setdefault(prefix.family, []).append((prefix.first, prefix.last))
    return {family: Intervals.of(spans) for family, spans in by_family.items()}


def _report(
    chains: tuple[BaseChain, ...],
    ours: Ours,
    agents: tuple[AgentChain, ...],
    found: tuple[Conflict, ...],
) -> list[str]:
    """The chains in the kernel's order, each with its conflicts under it, and the sum."""
    lines = [f"there is no table inet {TABLE}; the agent's is {agent}" for agent in agents]
    lines.append("nat chains at postrouting, in the order in which the kernel meets them:")
    placed: list[tuple[int, BaseChain | None]] = [(c.priority, c) for c in chains]
    if not agents:
        placed.append((ours.priority, None))
    placed.sort(key=lambda place: place[0])
    priorities = [priority for priority, _ in placed]
    for priority, chain in placed:
        equal = "  (equal priorities: order unknown)" if priorities.count(priority) > 1 else ""
        name = str(chain) if chain else f"inet {TABLE} {CHAIN}  <- ours"
        lines.append(f"{priority:>5}  {name}{equal}")
        # Not by identity: beside an agent's chain a conflict's base is a part of the chain here.
        of_chain = (c for c in found if chain and _place(c.base) == _place(chain))
        for _, alike in groupby(of_chain, key=_likeness):
            whose = "the agent's chain" if agents else "our table"
            lines += [f"       {line}" for line in _told(list(alike), ours, whose)]
    possible = sum(not conflict.certain for conflict in found)
    count = f"{len(found)} conflict{'s' if len(found) != 1 else ''}"
    lines.append(f"{count}{f', {possible} of them under conditions' if possible else ''}" if found else "no conflicts")  # fmt: skip
    return lines


def _likeness(conflict: Conflict) -> tuple[object, ...]:
    """Rules of one chain that do the same to the same destinations are told together."""
    return (_way(conflict), conflict.translation.family, conflict.breaks, conflict.takes, conflict.writer)  # fmt: skip


def _way(conflict: Conflict) -> str:
    return " > ".join(step.chain for step in conflict.translation.path)


def _told(alike: list[Conflict], ours: Ours, whose: str) -> list[str]:
    """Some rules: where, what they do and why that is a conflict, and what helps."""
    first = alike[0]
    family = first.translation.family
    lines = [f"{_way(first)}{f', written by {first.writer.name}' if first.writer else ''}:"]
    for conflict in alike:
        lines.append(f"  {_numbered(conflict)}: {conflict.translation.rule.text}")
        if conflict.translation.conditions:
            lines.append(f"    only if: {' and '.join(conflict.translation.conditions)}")
        if conflict.translation.unless:
            lines.append(f"    unless: {', or '.join(conflict.translation.unless)}")
    if first.breaks:
        lines.append(
            f"  conflict: {whose} keeps the Pod's address towards {written(family, first.breaks)}, and this "
            "translates it (a `return` ends only its own chain)"
        )
    if first.takes:
        when = "may come first (equal priority)" if first.order is Order.UNKNOWN else "comes first"
        lines.append(f"  conflict: {whose} translates towards {written(family, first.takes)}, and this {when}")  # fmt: skip
    return [*lines, f"  what helps: {'; '.join(_remedies(first, ours))}"]


def _numbered(conflict: Conflict) -> str:
    native = conflict.base.variant == "nft"
    return f"{'handle' if native else 'rule'} {conflict.translation.rule.number}"


def _remedies(conflict: Conflict, ours: Ours) -> list[str]:
    found = [conflict.writer.remedy] if conflict.writer else []
    if not ours.asserts and conflict.assertion_helps:
        found.append("`--preserve assert` puts our rules first, and what they keep stays")
    if not conflict.writer:
        found.append(f"if nobody needs the rule: {conflict.removal}")
    elif conflict.writer.leaves_over:
        found.append(f"if it is a left-over: {conflict.removal}")
    return found


def _document(
    chains: tuple[BaseChain, ...],
    ours: Ours,
    agents: tuple[AgentChain, ...],
    found: tuple[Conflict, ...],
) -> dict[str, Any]:
    return {
        "schema": 1,
        "ours": {
            "priority": ours.priority,
            "preserve": "assert" if ours.asserts else "report",
            "agent_chains": [printable(str(agent)) for agent in agents],
        },
        "chains": [
            {**_place(chain), "order": str(order_of(chain, ours))} for chain in chains
        ],
        "conflicts": [
            {
                **_place(conflict.base),
                "order": str(conflict.order),
                "path": [rule.chain for rule in conflict.translation.path],
                "number": conflict.translation.rule.number,
                "rule": printable(conflict.translation.rule.text),
                "writer": conflict.writer.name if conflict.writer else None,
                "certain": conflict.certain,
                "conditions": [printable(text) for text in conflict.translation.conditions],
                "unless": [printable(text) for text in conflict.translation.unless],
                "breaks": prefixes_of(conflict.translation.family, conflict.breaks),
                "takes": prefixes_of(conflict.translation.family, conflict.takes),
                "assert_helps": conflict.assertion_helps,
                "remedies": _remedies(conflict, ours),
            }
            for conflict in found
        ],
    }  # fmt: skip


def _place(chain: BaseChain) -> dict[str, Any]:
    return {
        "variant": str(chain.variant),
        "family": chain.family,
        "table": chain.table,
        "chain": chain.name,
        "priority": chain.priority,
    }
