"""`wayhome policy`: look at a configuration file without a cluster and without rights."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from wayhome.agent.arguments import parse_port_ranges
from wayhome.cli.configuration_file import (
    accepted,
    configuration_file,
    print_findings,
    read,
    settings,
)
from wayhome.cli.parsed import checked
from wayhome.kernel import InexpressibleError, Masquerade, iptables, render, ruleset_of
from wayhome.policy import (
    Action,
    Configuration,
    Decision,
    Packet,
    parse,
)
from wayhome.prefixes import Family, parse_address


@click.group()
def policy() -> None:
    """Check, explain and render a configuration file."""


@policy.command()
@configuration_file
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def lint(file: Path, as_json: bool, **flags: Any) -> None:
    """Report everything that is wrong with FILE (- is standard input), with lines and cures.

    Exit code 1: an agent would reject the file.
    """
    parsed = parse(read(file), settings(flags))
    if as_json:
        found = [
            {"severity": f.severity.value, "line": f.line, "problem": f.problem, "instead": f.instead}
            for f in parsed.findings
        ]  # fmt: skip
        click.echo(json.dumps({"schema": 1, "accepted": not parsed.errors, "findings": found}))
    else:
        print_findings(file, parsed)
        if parsed.configuration:
            click.echo(f"{file}: ok: {_summary(parsed.configuration)}")
    sys.exit(1 if parsed.errors else 0)


@policy.command()
@configuration_file
@click.argument("destinations", nargs=-1, required=True, metavar="DESTINATION…")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(file: Path, destinations: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Say which line of FILE decides about each DESTINATION, and which source address it sees."""
    configuration = accepted(file, settings(flags))
    decided = [(text, _decide(configuration, text)) for text in destinations]
    if as_json:
        rows = [
            {
                "destination": text,
                "action": decision.action.value,
                "reason": decision.reason.name.lower().replace("_", "-"),
                "entry": str(decision.entry.prefix) if decision.entry else None,
                "line": decision.entry.origin.line if decision.entry else None,
            }
            for text, decision in decided
        ]
        click.echo(json.dumps({"schema": 1, "decisions": rows}))
        return
    width = max(len(text) for text in destinations)
    for text, decision in decided:
        sees = (
            "the node's address"
            if decision.action is Action.MASQUERADE
            else "the Pod's own address"
        )
        click.echo(f"{text:{width}}  {decision.action.value:10}  sees {sees}: {_because(file, decision)}")  # fmt: skip


@policy.command("render")
@configuration_file
@click.option(
    "--backend", type=click.Choice(["nftables", "iptables"]), default="nftables", show_default=True
)
@click.option(
    "--masq-chain",
    default=iptables.CHAIN,
    show_default=True,
    help="The chain's name, for iptables.",
)
@click.option(
    "--random-fully/--no-random-fully",
    default=True,
    show_default=True,
    help="Choose source ports at random.",
)
@click.option(
    "--to-ports",
    metavar="RANGES",
    callback=checked(parse_port_ranges),
    help="Source ports, such as 1024-29999,32768-65535.",
)
def render_command(
    file: Path, backend: str, masq_chain: str, random_fully: bool,
    to_ports: tuple[tuple[int, int], ...] | None, **flags: Any,
) -> None:  # fmt: skip
    """Print the rules that an agent would write for FILE: the text for `nft -f`, or for iptables-restore."""
    configuration = accepted(file, settings(flags))
    masquerade = Masquerade(random_fully=random_fully, to_ports=to_ports or ())
    if backend == "nftables":
        click.echo(render(ruleset_of(configuration.policy, masquerade)), nl=False)
        return
    try:
        for family in configuration.policy.families:
            if len(configuration.policy.families) > 1:
                click.echo(f"# {'iptables' if family is Family.IPV4 else 'ip6tables'}-restore --noflush")  # fmt: skip
            click.echo(iptables.render_chain(configuration.policy, masquerade, family, masq_chain), nl=False)  # fmt: skip
    except InexpressibleError as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(1)


def _summary(configuration: Configuration) -> str:
    entries = configuration.policy.entries
    listed = [e for e in entries if not e.origin.key.startswith("masqLinkLocal")]
    keep = sum(entry.action is Action.KEEP for entry in listed)
    carved = f" but {len(listed) - keep} inside them" if keep < len(listed) else ""
    link_local = " and link-local" if len(listed) < len(entries) else ""
    return (
        f"{keep} listed range{'s' if keep != 1 else ''}{carved}{link_local} see the Pod's own address, "
        "every other destination sees the node's"
    )


def _decide(configuration: Configuration, text: str) -> Decision:
    try:
        family, destination = parse_address(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not an IP address", param_hint="DESTINATION"
        ) from None
    pods = configuration.policy.pod_cidrs
    source = next((prefix.first + 2 for prefix in pods or () if prefix.family is family), None)
    return configuration.policy.decide(Packet(family, destination, source))


def _because(file: Path, decision: Decision) -> str:
    if decision.entry is None:
        return decision.reason.value
    entry = decision.entry
    if entry.origin.line:
        return f"{file}:{entry.origin.line} ({entry.prefix} in {entry.origin.key})"
    return f"the {entry.origin} ({entry.prefix})"
