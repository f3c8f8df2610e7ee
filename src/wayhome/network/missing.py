"""What is not known. A missing fact is never success: where it decides, the verdict is UNDETERMINED."""

from dataclasses import dataclass

from wayhome.network.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that no export states, and the one command whose output decides it.

    `likely` is what would very probably come out, `unless` what would make it otherwise; both may be unknown.
    """

    fact: str
    command: str
    likely: Verdict | None = None
    unless: str = ""
