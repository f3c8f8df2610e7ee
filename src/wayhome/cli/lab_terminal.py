"""What `wayhome lab` shows while somebody waits, and what to type next."""

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import click


def progress(text: str) -> Callable[[], None]:
    """Show a line on a terminal's standard error, until the function that is returned erases it."""
    if not sys.stderr.isatty():
        return lambda: None
    click.echo(f"  {text}", err=True, nl=False)
    return lambda: click.echo("\r\x1b[K", err=True, nl=False)


def own_command() -> str:
    """How to call this program again: the scripts install it where no PATH finds it."""
    beside = Path(sys.executable).with_name("wayhome")
    if shutil.which("wayhome") or not beside.exists():
        return "wayhome"
    return shlex.quote(
        str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
    )
