"""The comparison can fail: tracers that are wrong in one way each are caught by the kernel, and the right one is not.

Networks are drawn once for all of them. In these a flow is looked for about which the wrong tracer and the right one are
of different minds; then the kernel is asked about that flow.
"""

from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.agreement.asking import read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports
from tests.agreement.wrong_tracers import WRONG, Wrong

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.lab.check import check
from wayhome.lab.compiled.asked import Asked
from wayhome.lab.compiled.lab_network import LabNetwork
from wayhome.lab.questions import questions, sample
from wayhome.network import Network, Protocol, Verdict
from wayhome.trace import trace

pytestmark = pytest.mark.kernel

NETWORKS = 400
MOST = 100
"""Flows of one network that are looked at."""
CERTAIN = (Verdict.REACHABLE, Verdict.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A network, and flows of it that go one way, to a certain end."""

    estate: Estate
    network: Network
    certain: tuple[tuple[Asked, Verdict], ...]

    @classmethod
    def of(cls, estate: Estate) -> "Drawn":
        network = compile_estate(estate)
        streams = [asked for asked in questions(network) if asked.flow.protocol is Protocol.TCP]
        traces = (
            (asked, trace(network, asked.flow, asked.at)) for asked in sample(streams, MOST, 0)
        )
        certain = (
            (asked, traced.verdict)
            for asked, traced in traces
            if traced.verdict in CERTAIN and len(traced.ways) == 1
        )
        return cls(estate, network, tuple(certain))

    def difference(self, wrong: Wrong) -> Asked | None:
        """A flow about which a wrong tracer is certain, too, and of another mind."""
        tracer = wrong(self.estate)
        for asked, verdict in self.certain:
            other = tracer(self.network, asked.flow, asked.at).verdict
            if other is not verdict and other in CERTAIN:
                return asked
        return None


@cache
def drawn() -> list[Drawn]:
    found: list[Drawn] = []

    @seed(1)
    @given(estates())
    @settings(
        max_examples=NETWORKS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def draw(exports: Exports) -> None:
        found.append(Drawn.of(read(exports)))

    draw()
    return found


@pytest.mark.parametrize("name", WRONG)
def test_it_is_caught(name: str) -> None:
    wrong = WRONG[name]
    shown = ((one, asked) for one in drawn() if (asked := one.difference(wrong)) is not None)
    found = next(shown, None)
    assert found is not None, f"it makes no difference in any of {NETWORKS} networks"
    one, asked = found
    assert check(one.network, [asked], LabNetwork, wrong(one.estate)).disagreements
    assert not check(one.network, [asked], LabNetwork).disagreements
