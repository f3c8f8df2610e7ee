"""The case, built from its exports and in neutral form: kernel and tracer agree, about hop and cause of death too."""

from pathlib import Path

import pytest
from tests.lab.compiled.asking import all_pairs, differences
from tests.trace.case import ACCOUNT, Case

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.compiled import Asked, LabNetwork
from wayhome.network import Address, Flow, Protocol
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

EXAMPLES = Path(__file__).parents[3] / "examples"
A = Address.parse


@pytest.mark.parametrize(
    "folder", ["the-case/exports", "the-case-uncovered", "the-case-vpn/exports"]
)
def test_the_exports_of_the_case(folder: str) -> None:
    network = compile_estate(read_estate(EXAMPLES / folder))
    assert differences(network, all_pairs(network)) == []


@pytest.mark.parametrize(
    "case",
    [
        Case(),
        Case(configuration=ACCOUNT),
        Case(exports=True),
        Case(imports=True),
        Case(exports=True, imports=True),
    ],
)
def test_the_case_in_neutral_form(case: Case) -> None:
    network = case.network()
    assert differences(network, all_pairs(network)) == []


def test_what_the_lab_sees_of_the_case() -> None:
    """Not what a tracer says: what is known of the case."""
    flow = Flow(A("172.16.2.2"), A("10.2.0.1"), Protocol.TCP, 80)
    with LabNetwork(Case().network()) as lab:
        (lost,) = lab.ask([Asked(flow, "my-pod")])
    with LabNetwork(Case(configuration=ACCOUNT).network()) as lab:
        (home,) = lab.ask([Asked(flow, "my-pod")])
    assert (lost.lost, lost.died_at, lost.cause) == (Lost.REPLY, "destination-vpc", "NO_ROUTE")
    assert (lost.source_seen, lost.delivered_to) == (A("172.16.2.2"), "target-gce-01")
    assert (home.reached, home.source_seen) == (True, A("10.1.0.3"))
