"""What can go wrong with a lab, as a message and an exit code."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from wayhome.cli.printable import printable
from wayhome.lab.namespaces import NamespaceRefusedError
from wayhome.lab.node_names import NodeNameError
from wayhome.lab.programs import ProgramError
from wayhome.lab.state import LabError, explained
from wayhome.report.names import shortened


@contextmanager
def errors(predict: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Around what is done in a lab; `predict` shows what can be known without a kernel, where there is none for it."""
    try:
        yield
    except NamespaceRefusedError as refused:
        predict()
        end(4, f"{refused.reason}. This works instead:", refused.command)
    except (LabError, NodeNameError) as error:
        end(2, str(error))
    except OSError as error:
        end(4, explained(error))
    except ProgramError as error:
        from wayhome.lab.compiled.missing import MissingFeatureError  # noqa: PLC0415 (all of a lab; only for this)

        if isinstance(error, MissingFeatureError):
            predict()
        end(4, shortened(str(error)))


def end(code: int, *lines: str) -> NoReturn:
    """Say it, and end."""
    click.echo(f"wayhome: {printable(lines[0], lines=True)}", err=True)
    for line in lines[1:]:
        click.echo(printable(line, lines=True), err=True)
    sys.exit(code)
