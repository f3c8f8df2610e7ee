"""A plan on the command line: what was counted, and what it was made from."""

from dataclasses import dataclass
from pathlib import Path

from wayhome.kernel.plan import Plan
from wayhome.policy import Policy


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it was made from."""

    file: Path
    old: Policy | None
    new: Policy
    plan: Plan
