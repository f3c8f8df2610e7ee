"""`wayhome node plan`: what a new policy would mean for the connections that are open on this node.

The old policy is read from the kernel, not from a file: it is what the node does. Where a flag is not given, the
scope and IPv6 are as the node's table has them, because the question is what the file changes.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from wayhome.cli.configuration_file import accepted, configuration_file, settings
from wayhome.cli.plan_report import lines
from wayhome.cli.planned import Planned
from wayhome.kernel import KernelError, NftablesKernel
from wayhome.kernel.held_policy import held_policy
from wayhome.kernel.local_addresses import local_addresses
from wayhome.kernel.netlink import DumpInterruptedError
from wayhome.kernel.plan_document import document
from wayhome.kernel.planning import READINGS, all_connections, plan_of
from wayhome.kernel.treatment import Comparison

GROUPS = 20


@click.command(short_help="Which live connections a new configuration would treat differently.")
@configuration_file
@click.option(
    "--all", "everything", is_flag=True, help=f"List all groups, not only the {GROUPS} largest."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with all groups.")
def plan(file: Path, everything: bool, as_json: bool, **flags: Any) -> None:
    """Say which live connections FILE (- is standard input) would treat differently, by Pod and destination.

    Nothing is changed. FILE is compared with what this node's table holds now; without --pod-cidrs and --enable-ipv6,
    scope and IPv6 are the table's.

    Exit codes: 0 no connection would be treated differently, 1 some would, 2 FILE is rejected or cannot be read, 3
    the connections could not be counted reliably, 4 this machine or these rights do not let them be read.
    """
    try:
        with NftablesKernel() as kernel:
            old = held_policy(kernel.read())
        wanted = settings(flags)
        if old is not None:
            wanted = replace(
                wanted, ipv6=wanted.ipv6 or old.ipv6, pod_cidrs=wanted.pod_cidrs or old.pod_cidrs
            )
        new = accepted(file, wanted, exit_code=2).policy
        comparison = Comparison(old, new, local_addresses())
        with _progress() as show:
            counted = plan_of(comparison, all_connections(comparison), progress=show)
    except DumpInterruptedError as error:
        click.echo(f"the connections cannot be counted: {error.strerror}, {READINGS} times; try again", err=True)  # fmt: skip
        sys.exit(3)
    except KernelError as error:
        click.echo(f"the connections cannot be looked at: {error}", err=True)
        sys.exit(4)
    if as_json:
        click.echo(json.dumps(document(counted, old, new), indent=2))
    else:
        for line in lines(Planned(file, old, new, counted), None if everything else GROUPS):
            click.echo(line)
    sys.exit(1 if counted.changing else 0)


@contextmanager
def _progress() -> Iterator[Any]:
    """A function that shows how many connections were read: on a terminal's standard error, erased at the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda count: click.echo(f"\r  {count:,} connections read", err=True, nl=False)
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
