"""The cases that the lab knows, by name, and their repairs. Only what is asked for is loaded: exports are read."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from wayhome.lab.case import Case

if TYPE_CHECKING:
    from wayhome.lab.repairs.claims import CaseRepairs


def _the_case() -> Case:
    from wayhome.lab.the_case import the_case  # noqa: PLC0415

    return the_case()


def _repairs_of_the_case() -> "CaseRepairs":
    from wayhome.lab.the_case.repairs import REPAIRS as REPAIRS_OF_THE_CASE  # noqa: PLC0415

    return REPAIRS_OF_THE_CASE


CASES: dict[str, Callable[[], Case]] = {"the-case": _the_case}
REPAIRS: "dict[str, Callable[[], CaseRepairs]]" = {"the-case": _repairs_of_the_case}
