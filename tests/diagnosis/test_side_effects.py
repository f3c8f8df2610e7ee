"""What a change does to flows that nobody asked about."""

from pathlib import Path

import msgspec
from tests.diagnosis.generated import Generated, Plan, generate

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.located import Located
from wayhome.diagnosis.gcloud import made
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.side_effects import MOST_CLASSES, Flows, side_effects
from wayhome.diagnosis.situation import Situation


def exchanging(estate: Estate, *, on: bool) -> Estate:
    changed = []
    for network in estate.all(Network).values():
        peerings = tuple(
            msgspec.structs.replace(one, export_custom_routes=on, import_custom_routes=on)
            for one in network.value.peerings
        )
        value = msgspec.structs.replace(network.value, peerings=peerings)
        changed.append(Located(value, network.evidence))
    return estate.with_changes(changed=changed)


def masquerading(one: Generated, estate: Estate) -> Estate:
    text = f"nonMasqueradeCIDRs:\n  - {one.pods}\n  - {one.home.subnet}\n"
    listed = ConfigMap(
        metadata=Metadata(name="ip-masq-agent", namespace="kube-system"), data={"config": text}
    )
    name = f"{one.cluster}/k8s/namespaces/kube-system/configmaps/ip-masq-agent"
    return estate.with_changes(created=[made(name, listed)])


def looked_at(one: Generated, before: Estate, after: Estate) -> tuple[Flows, Situation]:
    question = Question.parse(one.pod, f"{one.home.address}:443")
    return Flows.of(Situation.of(before, question)), Situation.of(after, question)


def test_an_identity_that_disappears_is_named(tmp_path: Path) -> None:
    one = generate(tmp_path, Plan(seed=1))
    estate = exchanging(one.estate, on=True)
    found = side_effects(*looked_at(one, estate, masquerading(one, estate)))
    assert found.broken == ()
    (words,) = found.hidden
    node = one.home.subnet[20]
    assert words == f"client to {one.there.machine}, which then sees {node}"


def test_a_flow_that_breaks_and_one_that_opens_are_each_others_mirror(tmp_path: Path) -> None:
    one = generate(tmp_path, Plan(seed=1))
    closed, opened = exchanging(one.estate, on=False), exchanging(one.estate, on=True)
    breaking = side_effects(*looked_at(one, opened, closed))
    opening = side_effects(*looked_at(one, closed, opened))
    assert [words.partition(" (")[0] for words in breaking.broken] == list(opening.opened)
    assert opening.opened
    assert breaking.opened == opening.broken == ()


def test_nothing_changes_where_nothing_is_changed(tmp_path: Path) -> None:
    one = generate(tmp_path, Plan(seed=2, clusters=2, peers=3))
    found = side_effects(*looked_at(one, one.estate, one.estate))
    assert (found.broken, found.hidden, found.opened) == ((), (), ())
    assert "between 8 of 8 classes" in found.compared


def test_how_much_was_compared_has_a_bound_and_is_said(tmp_path: Path) -> None:
    one = generate(tmp_path, Plan(seed=3, clusters=6, peers=5))
    found = side_effects(*looked_at(one, one.estate, one.estate))
    assert f"{MOST_CLASSES * (MOST_CLASSES - 1)} flows" in found.compared
    assert f"between {MOST_CLASSES} of 18 classes" in found.compared
