r"""What iptables-save prints of a nat table, as data. Pure.

    :POSTROUTING ACCEPT [0:0]
    -A POSTROUTING -m comment --comment "\"it\'s\"" -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT

A value with anything but letters, digits, `_` and `-` stands in double quotes, in which a backslash stands before `"`,
`'` and `\` (xtables_save_string() of iptables); shlex would leave the one before `'`. A rule's line is kept as it is:
with -D in the place of -A it removes exactly that rule.
"""

import re
from collections.abc import Container, Iterator

from wayhome.netfilter.rules import (
    AGENT_CHAINS,
    Condition,
    Destinations,
    Effect,
    Mark,
    Never,
    Rule,
    Sources,
    Unknown,
)
from wayhome.prefixes import Family, Intervals, Prefix, PrefixError

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)')
_ESCAPED = re.compile(r"\\(.)")
_ROOTS = ("POSTROUTING", *AGENT_CHAINS)
_TRANSLATING = {"MASQUERADE", "SNAT", "NETMAP", "SAME"}
_NEW = {"NEW"}


def parse(saved: str, family: Family) -> dict[str, tuple[Rule, ...]] | None:
    """The rules of the nat table by chain; None where the text holds no nat table.

    Of the tens of thousands of rules that kube-proxy may have there, only those are read that say something about
    sources: what POSTROUTING and the chains of agents lead to, and the chains that name one of these.
    """
    lines = _lines_by_chain(saved)
    if lines is None:
        return None
    chains: dict[str, tuple[Rule, ...]] = {}
    to_read = [name for name in _ROOTS if name in lines]
    while to_read:
        name = to_read.pop()
        if name not in chains:
            chains[name] = _rules(name, lines, family)
            to_read += [rule.target for rule in chains[name] if rule.target]
    names = re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, chains))})(?!\S)")
    for name in lines.keys() - chains.keys() if chains else ():
        if any(names.search(line) for line in lines[name]):
            chains[name] = _rules(name, lines, family)
    return chains


def _lines_by_chain(saved: str) -> dict[str, list[str]] | None:
    lines: dict[str, list[str]] = {}
    inside = seen = False
    for line in _logical_lines(saved):
        if line.startswith("*"):
            inside = line.strip() == "*nat"
            seen = seen or inside
        elif inside and line.startswith(":"):
            lines.setdefault(line[1:].split(" ", 1)[0], [])
        elif inside and line.startswith("-A "):
            lines.setdefault(line.split(" ", 2)[1], []).append(line)
    return lines if seen else None


def _rules(name: str, lines: dict[str, list[str]], family: Family) -> tuple[Rule, ...]:
    rules = (_rule(name, number, line, family) for number, line in enumerate(lines[name], 1))
    return tuple(_resolved(rule, lines) for rule in rules)


def _logical_lines(saved: str) -> Iterator[str]:
    """Lines; one in whose quotes a line break stands is one line."""
    begun = ""
    for line in saved.split("\n"):
        whole = f"{begun}\n{line}" if begun else line
        if whole.count('"') % 2 and whole.startswith("-A ") and '"' in _WORD.sub("", whole):
            begun = whole
            continue
        begun = ""
        yield whole


def words(line: str) -> list[tuple[str, bool]]:
    """A line's words without their quotes, and whether each was quoted."""
    return [
        (_ESCAPED.sub(r"\1", match[1]), True) if match[1] is not None else (match[2], False)
        for match in _WORD.finditer(line)
    ]


def _resolved(rule: Rule, chains: Container[str]) -> Rule:
    """A target that is no chain of the table and does not translate goes on to the next rule, as MARK and LOG do."""
    if rule.effect in (Effect.JUMP, Effect.GOTO) and rule.target not in chains:
        return Rule(
            rule.chain, rule.number, rule.text, rule.conditions, Effect.NEXT, None, rule.comment
        )
    return rule


def _rule(chain: str, number: int, line: str, family: Family) -> Rule:
    conditions: list[Condition] = []
    comment, effect, target, match = "", Effect.NEXT, None, ""
    for option, values, negated in _options(words(line)[2:]):
        if option in ("-j", "--jump", "-g", "--goto"):
            effect, target = _effect(option, " ".join(values))
            break  # what follows belongs to the target
        if option == "--comment":
            comment = " ".join(values)
        elif option in ("-m", "--match"):
            match = " ".join(values)
        else:
            conditions += _condition(match, option, values, family, negated=negated)
    return Rule(chain, number, line, tuple(conditions), effect, target, comment)


def _options(line: list[tuple[str, bool]]) -> Iterator[tuple[str, list[str], bool]]:
    """Each option with its values, and whether a `!` stands before it."""
    at, negated = 0, False
    while at < len(line):
        word, quoted = line[at]
        at += 1
        if word == "!" and not quoted:
            negated = True
            continue
        values: list[str] = []
        while at < len(line) and (
            (word == "--comment" and not values)  # a comment may look like an option
            or not _begins_an_option(*line[at])
        ):
            values.append(line[at][0])
            at += 1
        yield word, values, negated
        negated = False


def _begins_an_option(word: str, quoted: bool) -> bool:
    return not quoted and (word == "!" or (word.startswith("-") and not word[1:2].isdigit()))


def _effect(option: str, target: str) -> tuple[Effect, str | None]:
    if target == "RETURN":
        return Effect.RETURN, None
    if target in ("ACCEPT", "DROP", "QUEUE", "NFQUEUE"):
        return Effect.END, None
    if target in _TRANSLATING:
        return Effect.TRANSLATE, None
    return (Effect.GOTO if option in ("-g", "--goto") else Effect.JUMP), target


def _condition(
    match: str, option: str, values: list[str], family: Family, *, negated: bool
) -> list[Condition]:
    """The condition that an option is; nothing where every packet in question fulfils it."""
    text = " ".join(["!"] * negated + [option, *values])
    value = values[0] if values else ""
    if option in ("-d", "-s"):
        addresses = _addresses(value, family, negated=negated)
        if addresses is None:
            return [Unknown(text)]
        return [(Destinations if option == "-d" else Sources)(text, family, addresses)]
    if (match, option) == ("mark", "--mark"):  # connmark has the same option
        mark = _mark(value)
        return [Mark(text, *mark, negated) if mark else Unknown(text)]
    if (option in ("--dst-type", "--src-type") and value == "LOCAL") or (
        option == "--ctstate" and not _NEW & set(value.split(","))
    ):
        # `DNAT` and `SNAT` are states too, and a new connection may be in them.
        if option == "--ctstate" and {"DNAT", "SNAT"} & set(value.split(",")):
            return [Unknown(text)]
        return [] if negated else [Never(text)]
    if option == "--ctstate" and value == "NEW":
        return [Never(text)] if negated else []
    return [Unknown(text)]


def _addresses(value: str, family: Family, *, negated: bool) -> Intervals | None:
    try:
        prefix = Prefix.parse(value if "/" in value else f"{value}/{family.bits}")
    except PrefixError:
        return None  # a mask with holes, such as 0.0.0.1/0.0.0.1
    if prefix.family is not family:
        return None
    span = Intervals(((prefix.first, prefix.last),))
    return Intervals(((0, family.last),)).minus(span) if negated else span


def _mark(value: str) -> tuple[int, int] | None:
    """Mask and value of `0x4000/0x4000`, or of `0x4000`, which is the whole mark."""
    wanted, _, mask = value.partition("/")
    try:
        return int(mask or "0xffffffff", 0), int(wanted, 0)
    except ValueError:
        return None
