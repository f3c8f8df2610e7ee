"""Look-ups in an estate, and its changes."""

from typing import Any

import msgspec
import pytest

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.knowledge import Claim, Knowledge, State
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference, decode_value
from wayhome.network.evidence import Evidence

NETWORK = "projects/p/global/networks/n"
CLUSTER = "projects/p/locations/l/clusters/c"


def located(kind: type[Resource], full: str, **fields: Any) -> Located[Resource]:
    value = msgspec.convert(fields, kind, dec_hook=decode_value)
    return Located(value, Evidence(full, "f.json", "/0"))


def a_route(name: str, **fields: Any) -> Located[Resource]:
    defaults = {
        "name": name,
        "network": NETWORK,
        "destRange": "10.0.0.0/8",
        "nextHopIp": "10.0.0.1",
    }
    return located(Route, f"projects/p/global/routes/{name}", **defaults | fields)


def a_pod(name: str, namespace: str) -> Located[Resource]:
    metadata = {"name": name, "namespace": namespace}
    full = f"{CLUSTER}/k8s/namespaces/{namespace}/pods/{name}"
    return located(Pod, full, metadata=metadata)


def test_objects_are_found_by_what_they_belong_to() -> None:
    estate = Estate().with_changes(
        created=[
            a_route("a"),
            a_route("b", network="projects/q/global/networks/n"),
            a_pod("x", "d"),
            a_pod("y", "e"),
        ]
    )
    assert [one.value.name for one in estate.of(Route, NETWORK)] == ["a"]
    assert [one.value.name for one in estate.of(Route, "projects/p")] == ["a", "b"]
    assert len(estate.of(Pod, CLUSTER)) == 2
    assert [one.name for one in estate.of(Pod, f"{CLUSTER}/k8s/namespaces/e")] == [
        f"{CLUSTER}/k8s/namespaces/e/pods/y"
    ]
    assert estate.of(Route, "elsewhere") == ()
    assert estate.of(Network, NETWORK) == ()
    assert estate.get(Route, "projects/p/global/routes/c") is None


def test_a_change_makes_another_estate() -> None:
    before = Estate().with_changes(created=[a_route("a"), a_route("b"), a_pod("x", "d")])
    after = before.with_changes(
        created=[a_route("c")],
        changed=[a_route("b", network="projects/p/global/networks/m")],
        deleted=[(Route, "projects/p/global/routes/a")],
    )
    assert [one.value.name for one in after.of(Route, NETWORK)] == ["c"]
    assert [one.value.name for one in after.of(Route, "projects/p/global/networks/m")] == ["b"]
    assert [one.value.name for one in before.of(Route, NETWORK)] == ["a", "b"]
    assert after.tables[Pod] is before.tables[Pod]


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"created": [a_route("a")]}, "already in the estate"),
        ({"changed": [a_route("z")]}, "not in the estate"),
        ({"deleted": [(Route, "projects/p/global/routes/z")]}, "not in the estate"),
    ],
)
def test_impossible_changes(change: dict[str, Any], problem: str) -> None:
    estate = Estate().with_changes(created=[a_route("a")])
    with pytest.raises(ValueError, match=problem):
        estate.with_changes(**change)


@pytest.mark.parametrize(
    "claims, scope, state",
    [
        ([], "projects/p", State.NOT_EXPORTED),
        ([("projects/p", State.EXPORTED)], "projects/p/regions/r", State.EXPORTED),
        ([("projects/p", State.EXPORTED)], "projects/pp", State.NOT_EXPORTED),
        ([("projects/p/regions/r", State.EXPORTED)], "projects/p", State.NOT_EXPORTED),
        ([("projects/p", State.NOT_READABLE)], "projects/p", State.NOT_READABLE),
        ([("projects/p", s) for s in (State.NOT_READABLE, State.EXPORTED)], "projects/p", State.EXPORTED),
        ([("projects/p", State.EXPORTED), ("projects/p/zones/z", State.NOT_READABLE)], "projects/p", State.NOT_READABLE),
        ([("projects/p", State.EXPORTED), ("projects/p/zones/z", State.NOT_READABLE)], "projects/p/zones/y", State.EXPORTED),
        ([("projects/p", State.EXPORTED), ("projects/p/zones/z", State.DAMAGED)], "projects/p", State.DAMAGED),
        ([("projects/p", State.EXPORTED), ("", State.DAMAGED)], "projects/p", State.DAMAGED),
    ],
)  # fmt: skip
def test_what_is_known(claims: list[tuple[str, State]], scope: str, state: State) -> None:
    knowledge = Knowledge(tuple(Claim(Route, where, what) for where, what in claims))
    assert knowledge.of(Route, scope).state is state
    assert knowledge.of(Pod, scope).state is State.NOT_EXPORTED


def test_damage_of_an_unknown_kind_concerns_all() -> None:
    knowledge = Knowledge(
        (Claim(Route, "projects/p", State.EXPORTED), Claim(None, "", State.DAMAGED))
    )
    assert knowledge.of(Route, "projects/p").state is State.DAMAGED


def test_the_place_of_a_field() -> None:
    found = a_route("a").at("tags", 0)
    assert found == Evidence("projects/p/global/routes/a", "f.json", "/0/tags/0")
    assert Evidence("o", "f", "").at("a/b~c").pointer == "/a~1b~0c"


@pytest.mark.parametrize(
    "text, full, project",
    [
        ("https://www.googleapis.com/compute/v1/projects/example.com:p/global/networks/n",
         "projects/example.com:p/global/networks/n", "projects/example.com:p"),
        ("https://www.googleapis.com/compute/v1/locations/global/firewallPolicies/1",
         "locations/global/firewallPolicies/1", ""),
        ("default", "default", ""),
        ("", "", ""),
        ("myprojects/x", "myprojects/x", ""),
    ],
)  # fmt: skip
def test_references(text: str, full: str, project: str) -> None:
    reference = Reference(text)
    assert (str(reference), reference.project) == (full, project)
    assert Reference(reference) == reference
