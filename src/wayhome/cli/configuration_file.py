"""A configuration file on the command line: the flags that change what it means, reading it, saying what is wrong."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from wayhome.agent.flag_values import parse_prefixes
from wayhome.cli.parsed import checked
from wayhome.policy import Configuration, Finding, Settings, Severity, parse
from wayhome.policy.configuration import LARGEST
from wayhome.policy.findings import quote

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


SCOPE = "The node's Pod ranges: only what they send is masqueraded."


def configuration_file(command: Any, *, pod_cidrs: str = SCOPE) -> Any:
    """The file, and the agent's flags that change what it means. `pod_cidrs`: what `--pod-cidrs` says here."""
    for decorate in (
        click.option("--pod-cidrs", metavar="CIDRS", callback=checked(parse_prefixes), help=pod_cidrs),
        click.option("--nomasq-all-reserved-ranges", is_flag=True, help="As the agent's flag: the default list has 11 ranges."),
        click.option("--enable-ipv6", is_flag=True, help="As the agent's flag."),
        click.argument("file", type=click.Path(path_type=Path, allow_dash=True)),
    ):  # fmt: skip
        command = decorate(command)
    return command


def read(file: Path) -> bytes:
    """What is in it, up to one byte more than a configuration may have. Ends with 2 where it cannot be read."""
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(LARGEST + 1)
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        click.echo(f"{file} cannot be read: {error.strerror}", err=True)
        sys.exit(2)


def settings(flags: dict[str, Any]) -> Settings:
    """What the flags say."""
    return Settings(
        ipv6=flags["enable_ipv6"],
        all_reserved_ranges=flags["nomasq_all_reserved_ranges"],
        pod_cidrs=flags["pod_cidrs"],
    )


def accepted(file: Path, settings: Settings, *, exit_code: int = 1) -> Configuration:
    """The file's configuration; where it is rejected, its findings and the end."""
    parsed = parse(read(file), settings)
    if parsed.configuration is None:
        print_findings(file, parsed.findings, err=True)
        sys.exit(exit_code)
    return parsed.configuration


def print_findings(file: Path, findings: Iterable[Finding], *, err: bool = False) -> None:
    """In the form that editors and CI systems know: file:line: severity: text."""
    errors = 0
    for finding in findings:
        name = quote(finding.file) or str(file)
        where = f"{name}:{finding.line}" if finding.line else name
        severity = click.style(finding.severity.value, fg=_COLOURS[finding.severity])
        click.echo(f"{where}: {severity}: {finding.problem}; {finding.instead}", err=err)
        errors += finding.severity is Severity.ERROR
    if errors:
        click.echo(f"{file}: rejected, {errors} error{'s' if errors > 1 else ''}: an agent keeps what it held before", err=err)  # fmt: skip
