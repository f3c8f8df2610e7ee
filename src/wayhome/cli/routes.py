"""`wayhome routes`: the effective routes of exported networks, derived from their configuration."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from wayhome.cli.printable import printable
from wayhome.clouds.estate import Estate
from wayhome.clouds.finding import Finding
from wayhome.clouds.gcp.derive.cross_check import cross_check
from wayhome.clouds.gcp.derive.effective import NetworkRoutes, effective_routes
from wayhome.clouds.gcp.derive.route import EffectiveRoute, RouteType
from wayhome.clouds.read import UnreadableDirectoryError, read_estate
from wayhome.policy.findings import Severity, quote
from wayhome.prefixes import Prefix

FINDING, UNREADABLE, UNDETERMINED = 1, 2, 3


@click.command()
@click.argument("network", required=False)
@click.option(
    "--from",
    "directory",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A directory of exports (gcloud … --format=json).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def routes(network: str | None, directory: Path, as_json: bool) -> None:
    """Print the effective routes of NETWORK, or of all networks in DIR, for every region.

    They are derived from subnets, routes, peerings and Cloud Routers, and compared with what the cloud lists: a
    difference is a finding (exit code 1). Where routes may exist that no export shows, the command that would show them
    is printed (exit code 3).
    """
    try:
        estate = read_estate(directory)
    except UnreadableDirectoryError as error:
        raise click.UsageError(printable(str(error))) from None
    derived = effective_routes(estate)
    if not derived.networks:
        _print(
            (), estate.findings
        )  # their file may be damaged, which is another thing than not exported
    chosen = _chosen(network, list(derived.networks.values()))
    findings = [*estate.findings, *cross_check(estate, derived)]
    if as_json:
        click.echo(json.dumps(_document(chosen, findings)))
    else:
        _print(chosen, findings)
    click.get_current_context().exit(_exit_code(estate, chosen, findings))


def _exit_code(estate: Estate, chosen: Sequence[NetworkRoutes], findings: Sequence[Finding]) -> int:
    if any(finding.severity is Severity.ERROR for finding in estate.findings):
        return UNREADABLE
    if any(finding.severity is Severity.WARNING for finding in findings):
        return FINDING
    return UNDETERMINED if any(network.gaps for network in chosen) else 0


def _chosen(name: str | None, networks: list[NetworkRoutes]) -> list[NetworkRoutes]:
    """By full name, by the end of it (`my-project/global/networks/default`), or by the short name."""
    if name is None and networks:
        return networks
    if name is None:
        raise click.UsageError(
            "no network is exported there; export them: gcloud compute networks list --format=json"
        )
    found = [item for item in networks if item.network == name or item.network.endswith(f"/{name}")]
    if not found:
        known = ", ".join(sorted(quote(item.network) for item in networks)) or "none"
        raise click.BadParameter(
            f"no network {quote(name)} is exported; there are: {known}", param_hint="NETWORK"
        )
    if len(found) > 1:
        names = ", ".join(sorted(quote(item.network) for item in found))
        raise click.BadParameter(
            f"{quote(name)} may be any of {names}; write one of these", param_hint="NETWORK"
        )
    return found


def _document(networks: Sequence[NetworkRoutes], findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "schema": 1,
        "routes": [_row(route) for network in networks for route in network],
        "missing": [
            {"network": gap.network, "fact": gap.fact, "command": gap.command}
            for network in networks
            for gap in network.gaps
        ],
        "findings": [
            {
                "severity": finding.severity.value,
                "file": finding.file,
                "pointer": finding.pointer,
                "problem": finding.problem,
                "instead": finding.instead,
            }
            for finding in findings
        ],
    }


def _row(route: EffectiveRoute) -> dict[str, Any]:
    return {
        "network": route.network,
        "type": route.type.value,
        "destination": str(route.destination),
        "region": route.region,
        "priority": None if route.lacks_region_cost else route.priority,
        "next_hop": route.next_hop.target,
        "next_hop_type": route.next_hop.type.value,
        "tags": sorted(route.tags),
        "unusable": route.unusable.cause if route.unusable else None,
        "evidence": [
            {"object": item.object, "file": item.file, "pointer": item.pointer}
            for item in route.evidence
        ],
    }


def _print(networks: Sequence[NetworkRoutes], findings: Sequence[Finding]) -> None:
    for network in networks:
        click.echo(f"{printable(network.network)}")
        rows = [_cells(route) for route in sorted(network, key=_place)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            click.echo(f"  {'  '.join([*cells, row[-1]])}".rstrip())
        if not rows:
            click.echo("  no routes")
        for gap in network.gaps:
            click.echo(f"  not known: {printable(gap.fact)}\n    {printable(gap.command)}")
    for finding in findings:
        click.echo(f"{finding.severity.value}: {printable(str(finding))}", err=True)


_ORDER = tuple(RouteType)


def _place(route: EffectiveRoute) -> tuple[int, Prefix]:
    return _ORDER.index(route.type), route.destination


def _cells(route: EffectiveRoute) -> tuple[str, str, str, str, str]:
    """Destination, type, region, priority, and what stands behind them in any width."""
    if route.priority is None:
        priority = "-"
    else:
        cost = "+cost" if route.lacks_region_cost else ""
        priority = f"{route.priority}{cost}"
    notes = [printable(route.next_hop.target)]
    if route.tags:
        notes.append(f"only tags {', '.join(sorted(map(printable, route.tags)))}")
    if route.unusable:
        notes.append(f"not used: {printable(route.unusable.why)} ({route.unusable.cause})")
    if route.unknown:
        notes.append(f"not known: {printable(route.unknown.fact)}")
    at = route.evidence[0]
    notes.append(printable(f"{at.file}{at.pointer}"))
    return (
        str(route.destination),
        route.type.value,
        printable(route.region or "all regions"),
        priority,
        "  ".join(notes),
    )
