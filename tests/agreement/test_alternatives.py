"""Where the tracer says AMBIGUOUS, each alternative is built, and the kernel shows both outcomes."""

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from tests.agreement.asking import read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports

from wayhome.clouds.compile import compile_estate
from wayhome.lab.check import check
from wayhome.lab.compiled import Asked, LabNetwork
from wayhome.lab.compiled.alternatives import decisions
from wayhome.lab.questions import questions, sample
from wayhome.network import Network, Verdict
from wayhome.trace import trace

pytestmark = pytest.mark.kernel

MOST = 100
"""Flows of one network that are looked at."""


def ambiguous(network: Network) -> Asked | None:
    """A flow of which nobody can say whether it arrives, and all of whose ways some lab can have."""
    for asked in sample(list(questions(network)), MOST, seed=0):
        traced = trace(network, asked.flow, asked.at)
        buildable = all(decisions(way.taken) is not None for way in traced.ways)
        if traced.verdict is Verdict.AMBIGUOUS and buildable:
            return asked
    return None


def drawn(exports: Exports) -> Network:
    return compile_estate(read(exports))


@pytest.mark.filterwarnings(
    "ignore:Generating overly large repr"
)  # of what is found, which is no failure
def test_both_outcomes_are_seen() -> None:
    exports = find(
        estates(),
        lambda one: ambiguous(drawn(one)) is not None,
        settings=settings(
            max_examples=400,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
        random=Random(1),
    )
    network = drawn(exports)
    asked = ambiguous(network)
    assert asked is not None
    checked = check(network, [asked], LabNetwork)
    assert checked.labs == len(checked.both) > 1
    assert {seen.reached for _, seen in checked.both} == {True, False}
    assert not checked.disagreements
