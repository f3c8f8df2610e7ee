"""The cases that the lab knows, by name. Only the one that is asked for is loaded: its exports are read."""

from collections.abc import Callable

from wayhome.lab.case import Case


def _the_case() -> Case:
    from wayhome.lab.the_case import the_case  # noqa: PLC0415

    return the_case()


CASES: dict[str, Callable[[], Case]] = {"the-case": _the_case}
