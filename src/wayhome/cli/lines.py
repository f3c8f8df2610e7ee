"""Lines of a report, for this terminal: as wide as it is, in its colours, and nothing in them that it would obey."""

import shutil
import sys
import textwrap
from collections.abc import Iterator

import click

from wayhome.cli.printable import printable
from wayhome.report.line import Line, Role

NARROWEST = 40
_STYLES: dict[Role, dict[str, object]] = {
    Role.GOOD: {"fg": "green", "bold": True},
    Role.BAD: {"fg": "red", "bold": True},
    Role.UNSURE: {"fg": "yellow", "bold": True},
    Role.QUIET: {"dim": True},
    Role.COMMAND: {"fg": "cyan"},
    Role.TEXT: {},
}


def print_line(line: Line) -> None:
    """Print one line, wrapped and coloured where the output is a terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for text in laid_out(line, width):
        click.echo(click.style(text, **_STYLES[line.role]) if text else "")  # type: ignore[arg-type]


def laid_out(line: Line, width: int | None) -> Iterator[str]:
    """The line as it is printed; without a width it is one."""
    before = " " * line.indent + printable(line.head)
    text = printable(line.text)
    if width is None or line.role is Role.COMMAND:
        yield f"{before}{text}".rstrip()
        return
    yield from textwrap.wrap(
        text,
        max(width, NARROWEST),
        initial_indent=before,
        subsequent_indent=" " * min(len(before), NARROWEST // 2),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [before.rstrip()]
