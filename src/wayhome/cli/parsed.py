"""Options whose values are read by the agent's own parsers."""

import argparse
from typing import Any

import click


def checked(parser: Any) -> Any:
    """A click callback from a parser of the agent's command line."""

    def check(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parser(text)
        except argparse.ArgumentTypeError as error:
            raise click.BadParameter(str(error)) from None

    return check
