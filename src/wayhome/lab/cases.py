"""The cases that the lab knows, by name."""

from wayhome.lab.case import Case
from wayhome.lab.the_case import THE_CASE

CASES: dict[str, Case] = {case.name: case for case in (THE_CASE,)}
