"""Replays in the part of an estate that the flow can have to do with: the same answers, and nothing of the rest."""

from pathlib import Path

import pytest
from tests.diagnosis.generated import Plan, generate

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.diagnosis import neighbourhood
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.situation import Situation

NEAR = {
    "peering": Plan(seed=2, clusters=2, peers=3),
    "bgp": Plan(seed=4, link="bgp", peers=2),
    "classic": Plan(seed=5, link="classic"),
}


@pytest.mark.parametrize("name", NEAR)
def test_the_same_repairs_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    generate(tmp_path, Plan(seed=11, peers=2, suffix="-far"))
    one = generate(tmp_path, NEAR[name])
    question = Question.parse(f"{one.cluster}/k8s/namespaces/team-0/pods/client", f"{one.there.address}:443")  # fmt: skip
    whole = Answer.to(one.estate, question)
    monkeypatch.setattr(neighbourhood, "LARGE", 0)
    cut = Answer.to(one.estate, question)
    assert [one.proposal.kind for one in cut.repairs] == [
        one.proposal.kind for one in whole.repairs
    ]
    for mine, full in zip(cut.repairs, whole.repairs, strict=True):
        assert (mine.works, mine.proposal) == (full.works, full.proposal)
        assert mine.before is not mine.after
        names = {network for network in mine.before.estate.all(Network) if "-far" in network}
        assert names == set()
        assert not any("-far" in instance for instance in mine.before.estate.all(Instance))
        assert len(mine.before.estate.all(Pod)) < len(one.estate.all(Pod))


def test_a_small_estate_stays_whole(tmp_path: Path) -> None:
    one = generate(tmp_path, NEAR["peering"])
    situation = Situation.of(one.estate, Question.parse(one.pod, f"{one.there.address}:443"))
    assert neighbourhood.around(situation) is situation
