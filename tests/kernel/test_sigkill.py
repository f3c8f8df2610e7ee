"""Killed at any moment, the kernel holds the old rules or the new ones, never half.

Sets that the new rules need come first, and while no rule looks them up the old rules are whole beside them.
"""

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.policies import make_policy

from wayhome.kernel import Applier, Kernel, Masquerade, NftablesKernel, Ruleset, ruleset_of
from wayhome.kernel.difference import Nothing, difference
from wayhome.kernel.rules import SENT_SETS
from wayhome.kernel.skeleton import SENT_ELSEWHERE
from wayhome.kernel.table import Table
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
KILLS = 12
CHILD = """
import sys
from tests.kernel.test_sigkill import one, other
from wayhome.kernel import Applier, NftablesKernel
applier = Applier(NftablesKernel())
print(flush=True)
while True:
    for rules in (one(), other(sys.argv[1])):
        applier.apply(rules)
"""


def one() -> Ruleset:
    return ruleset_of(make_policy(*(f"10.{i}.0.0/17" for i in range(200))))


def other(kind: str) -> Ruleset:
    """Differs in all its elements, and where `kind` says so in the skeleton too."""
    policy = make_policy(*(f"10.{i}.128.0/17" for i in range(200)))
    options = Masquerade(random_fully=kind != "replacement", accounting=kind == "accounting")
    return ruleset_of(policy, options)


@pytest.mark.parametrize("kind", ["elements", "replacement", "accounting"])
def test_the_kernel_holds_the_old_rules_or_the_new(netns: NetworkNamespace, kind: str) -> None:
    dice = random.Random(kind)
    found = set()
    with NftablesKernel() as kernel:
        Applier(kernel).apply(one())
        for _ in range(KILLS):
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD, kind], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            with child:
                assert child.stdout is not None
                child.stdout.readline()  # it has begun
                time.sleep(dice.random() * 0.06)
                child.kill()
            found.add(which(kernel, kind))
            Applier(kernel).apply(one())
            assert which(kernel, kind) == "one"
    assert found <= {"one", "other"}


def without_idle(table: Table | None, rules: Ruleset) -> Table | None:
    """The table without the sets and counters of accounting, where there is no chain that uses them."""
    if table is None or rules.skeleton.accounting or len(table.chains) > 1:
        return table
    idle = {*SENT_SETS, SENT_ELSEWHERE}
    sets = tuple(one for one in table.sets if one.type.name not in idle)
    counters = tuple(name for name in table.counters if name not in idle)
    gone = len(table.sets) - len(sets) + len(table.counters) - len(counters)
    return replace(table, sets=sets, counters=counters, objects=table.objects - gone)


def which(kernel: Kernel, kind: str) -> str:
    kernel.forget()
    table = kernel.read()
    for name, rules in (("one", one()), ("other", other(kind))):
        if isinstance(difference(without_idle(table, rules), rules), Nothing):
            return name
    return f"half: {table}"
