"""Routes that may exist and that no export shows: for which destinations, and the command that would show them."""

import shlex
from dataclasses import dataclass

from wayhome.prefixes import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A missing part of a network's routes.

    `destinations` are the prefixes that such routes may lie in; `subnets`: they would be subnet routes, before all
    others; `of_peer`: they would come over a peering. `unless` says what would make the packet arrive after all; empty:
    the one is as likely as the other.
    """

    network: str
    destinations: tuple[Prefix, ...]
    subnets: bool
    fact: str
    command: str
    unless: str
    of_peer: bool = False


def command(words: str, project: str) -> str:
    """A read-only command of gcloud for a project (`projects/P`). Names in `words` are quoted by whoever puts them there."""
    option = f" --project={shlex.quote(project.removeprefix('projects/'))}" if project else ""
    return f"gcloud compute {words}{option} --format=json"
