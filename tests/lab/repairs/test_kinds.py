"""Every kind of repair is seen to work with real packets: lost before, and home after, as predicted, on a case that has it."""

import json
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
from tests.golden.corpus import golden
from tests.lab.repairs.test_demonstration import KINDS as OF_THE_CASE

import wayhome.diagnosis.repairs
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.lab.repairs.demonstration import demonstrations
from wayhome.lab.repairs.running import show

pytestmark = pytest.mark.kernel

# The case, the kind, and what it needs besides.
SHOWN = [
    ("foreign-rule", "remove-rule", ()),
    ("firewall-behind-the-route", "open-firewall", ()),
    ("policy-ingress", "allow-by-policy", ()),
    ("wrong-key", "fix-configuration", ()),
    ("vpn-subnets-only", "advertise-range", ()),
    ("no-peering", "peer-networks", ()),
    ("internet", "cloud-nat", ()),
    ("public-range-not-imported", "exchange-subnets", ()),
    ("no-forwarding", "exchange-routes", ("allow-forwarding",)),
    ("tagged-routes-stay", "proxy-vm", ("add-route",)),
    ("target-stopped", "exchange-routes", ("start",)),
    ("policy-egress", "masquerade", ("allow-by-policy",)),
]


def answered(name: str, folder: Path) -> Answer:
    estate = read_estate(golden(name, folder))
    case = Path(__file__).parents[2] / "golden" / name / "case.json"
    source, destination = json.loads(case.read_text())["ask"]
    return Answer.to(estate, Question.parse(source, destination))


@pytest.mark.parametrize(("name", "kind", "besides"), SHOWN)
def test_it_works(name: str, kind: str, besides: tuple[str, ...], tmp_path: Path) -> None:
    answer = answered(name, tmp_path)
    proposals = [one.proposal for one in answer.repairs if one.proposal.kind == kind]
    assert besides in [proposal.with_ for proposal in proposals]
    before, *repaired = demonstrations(answer, (), (kind,))
    seen = show(before, None, tmp_path / "before")
    assert seen.as_expected
    assert not seen.phase.probes[0].observation.reached
    for number, one in enumerate(repaired):
        seen = show(one, None, tmp_path / str(number))
        assert seen.as_expected, seen.phase
        assert seen.phase.probes[0].observation.reached


def test_every_kind_is_shown() -> None:
    modules = pkgutil.iter_modules(wayhome.diagnosis.repairs.__path__)
    found = [import_module(f"wayhome.diagnosis.repairs.{one.name}") for one in modules]
    kinds = {module.KIND for module in found if hasattr(module, "KIND")}
    shown = {kind for _, first, besides in SHOWN for kind in (first, *besides)}
    assert kinds - OF_THE_CASE == shown - OF_THE_CASE
