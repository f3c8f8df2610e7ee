"""What a policy decides, by the very rules that the agent gives a kernel, in a chain of the node's own table.

The rules are the agent's word for word; only its sets get a name for each policy, and its counters are left out. Where
they return, the policy keeps the address. Where a port has no address, `masquerade` would take any interface's; there
the node's own address is written out.
"""

import re
from collections.abc import Iterator, Mapping

from wayhome.kernel.ruleset import ruleset_of
from wayhome.kernel.text import format_interval
from wayhome.lab.compiled.matches import HEADER, of_family
from wayhome.lab.compiled.names import TABLE
from wayhome.network import Address
from wayhome.policy import Policy

_SET = re.compile(r"@(\w+)")


def declarations(policy: Policy, chain: str) -> Iterator[str]:
    """The chain and its sets with their elements, as what follows `add`."""
    ruleset = ruleset_of(policy)
    for kind in ruleset.skeleton.sets:
        intervals = ruleset.elements.get(kind.name, ())
        elements = ", ".join(format_interval(kind.family, interval) for interval in intervals)
        content = f" elements = {{ {elements} }} ;" if elements else ""
        yield f"set {TABLE} {chain}_{kind.name} {{ type {kind.type} ; flags {kind.flags} ;{content} }}"
    yield f"chain {TABLE} {chain}"


def rules(policy: Policy, chain: str, instead: Mapping[str, Address]) -> Iterator[str]:
    """The chain's rules. `instead`: for interfaces without an address, what to masquerade with."""
    for rule in ruleset_of(policy).skeleton.translation.rules:
        statements = [
            _SET.sub(rf"@{chain}_\1", statement.text)
            for statement in rule.statements
            if not statement.text.startswith("counter")
        ]
        if not statements:
            continue
        *tests, end = statements
        if end.startswith("masquerade"):
            for interface, own in instead.items():
                leaving = (f'oifname "{interface}"', of_family(own.family))
                yield " ".join((*leaving, *tests, f"snat {HEADER[own.family]} to {own}"))
        yield " ".join((*tests, end))
