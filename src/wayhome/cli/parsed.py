"""Options whose values are read by parsers that exist already: the agent's, and pure ones that raise ValueError."""

import argparse
from typing import Any

import click


def checked(parser: Any) -> Any:
    """A click callback from a parser."""

    def check(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parser(text)
        except (argparse.ArgumentTypeError, ValueError) as error:
            raise click.BadParameter(str(error)) from None

    return check
