"""The comparison can fail: tracers that are wrong in one way each are caught by the kernel, and the right one is not.

A generated network is looked for in which the wrong tracer differs from the right one in one flow; then the kernel is
asked about that flow.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from tests.agreement.asking import read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports
from tests.agreement.wrong_tracers import WRONG, Wrong

from wayhome.clouds.compile import compile_estate
from wayhome.lab.check import check
from wayhome.lab.compiled.asked import Asked
from wayhome.lab.compiled.lab_network import LabNetwork
from wayhome.lab.questions import questions, sample
from wayhome.network import Protocol, Verdict
from wayhome.trace import trace

pytestmark = pytest.mark.kernel

MOST = 100
"""Flows of one network that are looked at."""
CERTAIN = (Verdict.REACHABLE, Verdict.UNREACHABLE)


def difference(exports: Exports, wrong: Wrong) -> Asked | None:
    """A flow about which both are certain, and of different minds."""
    estate = read(exports)
    network = compile_estate(estate)
    tracer = wrong(estate)
    streams = [asked for asked in questions(network) if asked.flow.protocol is Protocol.TCP]
    for asked in sample(streams, MOST, seed=0):
        right = trace(network, asked.flow, asked.at)
        other = tracer(network, asked.flow, asked.at)
        if {right.verdict, other.verdict} == set(CERTAIN) and len(right.ways) == 1:
            return asked
    return None


@pytest.mark.parametrize("name", WRONG)
def test_it_is_caught(name: str) -> None:
    wrong = WRONG[name]
    exports = find(
        estates(),
        lambda drawn: difference(drawn, wrong) is not None,
        settings=settings(
            max_examples=400,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
        random=Random(1),
    )
    asked = difference(exports, wrong)
    assert asked is not None
    estate = read(exports)
    network = compile_estate(estate)
    assert check(network, [asked], LabNetwork, wrong(estate)).disagreements
    assert not check(network, [asked], LabNetwork).disagreements
