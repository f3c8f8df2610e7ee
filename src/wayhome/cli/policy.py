"""`wayhome policy`: look at a configuration file without a cluster and without rights."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from wayhome.agent.flag_values import parse_port_ranges
from wayhome.cli.configuration_file import (
    accepted,
    configuration_file,
    print_findings,
    read,
    settings,
)
from wayhome.cli.parsed import checked
from wayhome.cli.policy_explain import explain
from wayhome.kernel import InexpressibleError, Masquerade, iptables, ruleset_of
from wayhome.kernel.text import render
from wayhome.policy import Action, Configuration, Finding, Severity, parse
from wayhome.policy.advice import advise
from wayhome.policy.coverage import uncovered
from wayhome.policy.lists import TooManyRangesError, lists_for_upstream, shortest_lists
from wayhome.policy.written import written
from wayhome.prefixes import Family


@click.group()
def policy() -> None:
    """Check, explain and render a configuration file."""


policy.add_command(explain)


@policy.command()
@partial(
    configuration_file,
    pod_cidrs="The cluster's Pod ranges: each must be in the list. (Here they are no scope.)",
)
@click.option("--strict", is_flag=True, help="End with 1 for warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def lint(file: Path, strict: bool, as_json: bool, **flags: Any) -> None:
    """Report everything that is wrong with FILE (- is standard input), with lines and cures.

    Errors are what an agent rejects the file for, and end with exit code 1. Warnings are what is probably not
    meant. Notes are advice.
    """
    parsed = parse(read(file), settings(flags))
    findings: tuple[Finding, ...] = parsed.findings
    if parsed.configuration:
        findings += uncovered(parsed.configuration.policy, flags["pod_cidrs"] or ())
        findings += advise(parsed.configuration)
    if as_json:
        found = [
            {"severity": f.severity.value, "line": f.line, "problem": f.problem, "instead": f.instead}
            for f in findings
        ]  # fmt: skip
        click.echo(json.dumps({"schema": 1, "accepted": not parsed.errors, "findings": found}))
    else:
        print_findings(file, findings)
        if parsed.configuration:
            click.echo(f"{file}: ok: {_summary(parsed.configuration)}")
    warned = any(finding.severity is Severity.WARNING for finding in findings)
    sys.exit(1 if parsed.errors or (strict and warned) else 0)


@policy.command("render")
@configuration_file
@click.option(
    "--for",
    "reader",
    type=click.Choice(["upstream", "wayhome"]),
    help="Print no rules but a configuration file that says the same: for upstream's agent without masqueradeCIDRs, "
    "for wayhome with the fewest lines.",
)
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
    file: Path, *, reader: str | None, backend: str, masq_chain: str, random_fully: bool,
    to_ports: tuple[tuple[int, int], ...] | None, **flags: Any,
) -> None:  # fmt: skip
    """Print the rules that an agent would write for FILE: the text for `nft -f`, or for iptables-restore."""
    configuration = accepted(file, settings(flags))
    masquerade = Masquerade(random_fully=random_fully, to_ports=to_ports or ())
    try:
        if reader:
            text = _rewritten(configuration, reader)
        elif backend == "nftables":
            text = render(ruleset_of(configuration.policy, masquerade))
        else:
            text = _chains(configuration, masquerade, masq_chain)
    except (InexpressibleError, TooManyRangesError) as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(1)
    click.echo(text, nl=False)


def _rewritten(configuration: Configuration, reader: str) -> str:
    lists = lists_for_upstream if reader == "upstream" else shortest_lists
    return written(configuration, lists(configuration))


def _chains(configuration: Configuration, masquerade: Masquerade, chain: str) -> str:
    families = configuration.policy.families
    return "".join(
        (f"# {'iptables' if family is Family.IPV4 else 'ip6tables'}-restore --noflush\n" if len(families) > 1 else "")
        + iptables.render_chain(configuration.policy, masquerade, family, chain)
        for family in families
    )  # fmt: skip


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
