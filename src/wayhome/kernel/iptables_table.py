"""What a nat table holds of a chain of ours, read from what iptables prints, and when two rules are the same. Pure.

`iptables -S` and `iptables-save` print rules in the same form, and never in the form in which they were given: matches
are reordered, a /32 may lack its length, a probability is a fraction of 2^31, comments are quoted or not. So rules are
compared by what they say: split into options with their values, the values in one form, the order of options
forgotten. An option that is not known here stays as it is printed, so a rule with anything more in it is another one.

What was read right after our own restore could be remembered instead, without understanding it. But then a chain that
an earlier process left could not be told from a damaged one, and what somebody else wrote in that very moment would be
remembered as ours.

Of POSTROUTING, the rules that jump to our chain are ours, whatever their comment: upstream's in both spellings, those
of GKE's bootstrap and Azure's fork, and what somebody added by hand. All else is nobody's business here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wayhome.prefixes import Family, parse_address

POSTROUTING = "POSTROUTING"
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')
_ESCAPE = re.compile(r"\\(.)")
_PROBABILITY_UNIT = 1 << 31

Option = tuple[str, ...]
"""An option, `!` before it if it is inverted, and its values."""


@dataclass(frozen=True, slots=True)
class Held:
    """A chain as the kernel holds it: rules as they are printed, without `-A` and their chain."""

    exists: bool = False
    is_whole: bool = True
    """Whether all of its rules could be read. iptables-nft leaves out what only nft understands."""
    rules: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    """The rules of POSTROUTING that lead to the chain, in order."""


def held(lines: Iterable[str], name: str) -> Held:
    """Find a chain in lines of `iptables -S` or `iptables-save`; lines about anything else may be among them."""
    exists = False
    rules: list[str] = []
    jumps: list[str] = []
    for line in lines:
        command, _, rest = line.partition(" ")
        chain, _, rule = rest.partition(" ")
        if command == f":{name}" or (command, chain) == ("-N", name):
            exists = True
        elif command == "-A" and chain == name:
            rules.append(rule)
        elif command == "-A" and chain == POSTROUTING and _leads_to(name, rule):
            jumps.append(rule)
    # A jump shows that there is a chain, even if the program cannot list it.
    return Held(exists or bool(jumps), rules=tuple(rules), jumps=tuple(jumps))


def meaning(rule: str, family: Family) -> tuple[Option, ...]:
    """What a rule says, in a form that is the same for all ways to write it."""
    one_form = (_in_one_form(option, family) for option in _options(rule))
    return tuple(sorted(option for option in one_form if option))


def _leads_to(name: str, rule: str) -> bool:
    return any(option in (("-j", name), ("-g", name)) for option in _options(rule))


def _options(rule: str) -> Iterator[Option]:
    """Split a rule. A comment may look like an option, and is printed without quotes then."""
    option: list[str] = []
    inverted = False
    for word in _WORD.findall(rule):
        if word == "!":
            inverted = True
        elif word.startswith("-") and option[-1:] != ["--comment"]:
            if option:
                yield tuple(option)
            option = ["!", word] if inverted else [word]
            inverted = False
        else:
            option.append(_ESCAPE.sub(r"\1", word[1:-1]) if word.startswith('"') else word)
    if option:
        yield tuple(option)


def _in_one_form(option: Option, family: Family) -> Option | None:
    """None for what says nothing: all addresses."""
    match option:
        case (*inverted, "-s" | "-d" as side, prefix):
            first, length = _prefix(prefix, family)
            return (*inverted, side, first, length) if length != "0" else None
        case ("--probability", probability):
            return "--probability", _in_units(probability)
    return option


def _in_units(probability: str) -> str:
    """A probability as the kernel holds it. Not understood: as it stands."""
    try:
        return str(round(float(probability) * _PROBABILITY_UNIT))
    except (ValueError, OverflowError):
        return probability


def _prefix(text: str, family: Family) -> tuple[str, str]:
    """The first address as a number, and the length. Not understood (a mask, a name): as it stands."""
    address, _, length = text.partition("/")
    try:
        return str(parse_address(address)[1]), length or str(int(family.bits))
    except ValueError:
        return address, length
