"""A directory of exports, read for a command: what is wrong with its files is told on standard error, the first of it.

Ends the command with 2 where the directory cannot be read. Who is on call wants the answer, not a page before it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from wayhome.cli.printable import printable
from wayhome.policy.findings import Severity

if TYPE_CHECKING:
    from wayhome.clouds.estate import Estate

MOST_FINDINGS = 12
"""Of one directory."""


def read_exports(directory: Path, told: str = "") -> "Estate":
    """The estate of a directory. `told` stands before what is said of it, where a command reads several."""
    from wayhome.clouds.read import UnreadableDirectoryError, read_estate  # noqa: PLC0415 (msgspec)

    try:
        estate = read_estate(directory)
    except UnreadableDirectoryError as error:
        end(str(error))
    found = [finding for finding in estate.findings if finding.severity is not Severity.NOTE]
    for finding in found[:MOST_FINDINGS]:
        click.echo(f"wayhome: {printable(f'{told}{finding}')}", err=True)
    if len(found) > MOST_FINDINGS:
        more = f"{told}{len(found) - MOST_FINDINGS} more of these; mend the first"
        click.echo(f"wayhome: {printable(more)}", err=True)
    return estate


def end(*lines: str) -> NoReturn:
    """End: the input is not usable."""
    for line in lines:
        click.echo(f"wayhome: {printable(line)}", err=True)
    sys.exit(2)
