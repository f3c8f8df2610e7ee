"""`wayhome policy`: look at a configuration file without a cluster and without rights."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import click

from wayhome.agent.arguments import parse_port_ranges, parse_prefixes
from wayhome.kernel import InexpressibleError, Masquerade, iptables, render, ruleset_of
from wayhome.policy import (
    Action,
    Configuration,
    Decision,
    Packet,
    Parsed,
    Settings,
    Severity,
    parse,
)
from wayhome.policy.configuration import LARGEST
from wayhome.prefixes import Family, parse_address


@click.group()
def policy() -> None:
    """Check, explain and render a configuration file."""


def _options(command: Any) -> Any:
    """The file, and the agent's flags that change what it means."""
    for decorate in (
        click.option("--pod-cidrs", metavar="CIDRS", callback=_checked(parse_prefixes), help="The node's Pod ranges: only what they send is masqueraded."),
        click.option("--nomasq-all-reserved-ranges", is_flag=True, help="As the agent's flag: the default list has 11 ranges."),
        click.option("--enable-ipv6", is_flag=True, help="As the agent's flag."),
        click.argument("file", type=click.Path(path_type=Path, allow_dash=True)),
    ):  # fmt: skip
        command = decorate(command)
    return command


def _checked(parser: Any) -> Any:
    """A click callback from a parser of the agent's command line."""

    def check(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parser(text)
        except argparse.ArgumentTypeError as error:
            raise click.BadParameter(str(error)) from None

    return check


@policy.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def lint(file: Path, as_json: bool, **flags: Any) -> None:
    """Report everything that is wrong with FILE (- is standard input), with lines and cures.

    Exit code 1: an agent would reject the file.
    """
    parsed = parse(_read(file), _settings(flags))
    if as_json:
        found = [
            {"severity": f.severity.value, "line": f.line, "problem": f.problem, "instead": f.instead}
            for f in parsed.findings
        ]  # fmt: skip
        click.echo(json.dumps({"schema": 1, "accepted": not parsed.errors, "findings": found}))
    else:
        _print_findings(file, parsed)
        if parsed.configuration:
            click.echo(f"{file}: ok: {_summary(parsed.configuration)}")
    sys.exit(1 if parsed.errors else 0)


@policy.command()
@_options
@click.argument("destinations", nargs=-1, required=True, metavar="DESTINATION…")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(file: Path, destinations: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Say which line of FILE decides about each DESTINATION, and which source address it sees."""
    configuration = _accepted(file, flags)
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
@_options
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
    callback=_checked(parse_port_ranges),
    help="Source ports, such as 1024-29999,32768-65535.",
)
def render_command(
    file: Path, backend: str, masq_chain: str, random_fully: bool,
    to_ports: tuple[tuple[int, int], ...] | None, **flags: Any,
) -> None:  # fmt: skip
    """Print the rules that an agent would write for FILE: the text for `nft -f`, or for iptables-restore."""
    configuration = _accepted(file, flags)
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


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(LARGEST + 1)
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        click.echo(f"{file} cannot be read: {error.strerror}", err=True)
        sys.exit(2)


def _settings(flags: dict[str, Any]) -> Settings:
    return Settings(
        ipv6=flags["enable_ipv6"],
        all_reserved_ranges=flags["nomasq_all_reserved_ranges"],
        pod_cidrs=flags["pod_cidrs"],
    )


def _accepted(file: Path, flags: dict[str, Any]) -> Configuration:
    """The file's configuration; where it is rejected, its findings and the end."""
    parsed = parse(_read(file), _settings(flags))
    if parsed.configuration is None:
        _print_findings(file, parsed, err=True)
        sys.exit(1)
    return parsed.configuration


def _print_findings(file: Path, parsed: Parsed, *, err: bool = False) -> None:
    """In the form that editors and CI systems know: file:line: severity: text."""
    for finding in parsed.findings:
        where = f"{file}:{finding.line}" if finding.line else str(file)
        severity = click.style(
            finding.severity.value, fg="red" if finding.severity is Severity.ERROR else "yellow"
        )
        click.echo(f"{where}: {severity}: {finding.problem}; {finding.instead}", err=err)
    if parsed.errors:
        count = len(parsed.errors)
        click.echo(f"{file}: rejected, {count} error{'s' if count > 1 else ''}: an agent keeps what it held before", err=err)  # fmt: skip


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
