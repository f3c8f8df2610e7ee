"""The tracer's word, confirmed by the project's running agents: on their nodes nothing is compiled of their lists."""

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from tests.agreement.asking import FLOWS, read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports

from wayhome.clouds.compile import compile_estate
from wayhome.lab.agents import agents_in
from wayhome.lab.check import check
from wayhome.lab.exported import ExportedLabs
from wayhome.lab.questions import questions, sample

pytestmark = pytest.mark.kernel
NETWORKS = 5


def test_generated_networks_with_agents() -> None:
    flows: list[int] = []

    @seed(7)
    @given(estates())
    @settings(
        max_examples=NETWORKS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def agree(exports: Exports) -> None:
        estate = read(exports)
        network = compile_estate(estate)
        agents = agents_in(estate, network)
        assume(agents)
        asked = sample(list(questions(network)), FLOWS, seed=0)
        done = check(network, asked, ExportedLabs(estate, network, agents))
        assert not done.disagreements, "\n".join(map(str, done.disagreements))
        flows.append(done.flows)

    agree()
    assert len(flows) == NETWORKS
    assert sum(flows) > FLOWS
