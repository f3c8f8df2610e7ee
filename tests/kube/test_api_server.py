"""What the tests' API server promises by Kubernetes' documentation, and clients of ours do not ask for yet."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.kube.api_server.failure import Failure
from tests.kube.api_server.kinds import CONFIG_MAP, LEASE, POD
from tests.kube.api_server.request import Asked, Request, asked
from tests.kube.api_server.rights import Rule
from tests.kube.api_server.selectors import field_selector, label_selector
from tests.kube.api_server.server import ApiServer
from tests.kube.api_server.watches import Watch
from tests.kube.steps import NAMESPACE, put, remove
from tests.kube.virtual_time import played


def get(path: str, **query: str) -> Request:
    return Request("GET", path, query, {}, b"")


@pytest.mark.parametrize(
    ("method", "path", "query", "meant"),
    [
        ("GET", "/api/v1/namespaces/a/configmaps/b", {}, "get configmaps a/b"),
        ("GET", "/api/v1/namespaces/a/configmaps", {}, "list configmaps a/"),
        ("GET", "/api/v1/configmaps", {"watch": "1"}, "watch configmaps /"),
        ("GET", "/api/v1/configmaps", {"watch": "false"}, "list configmaps /"),
        (
            "GET",
            "/api/v1/configmaps",
            {"watch": "true", "fieldSelector": "metadata.name=x"},
            "watch configmaps /x",
        ),
        (
            "GET",
            "/api/v1/configmaps",
            {"fieldSelector": "metadata.name!=x"},
            "list configmaps /",
        ),
        ("POST", "/api/v1/namespaces/a/events", {}, "create events a/"),
        (
            "PATCH",
            "/apis/coordination.k8s.io/v1/namespaces/a/leases/b",
            {},
            "patch leases a/b",
        ),
        ("PUT", "/api/v1/nodes/n/status", {}, "update nodes/status /n"),
        ("GET", "/api/v1/namespaces/kube-system", {}, "get namespaces /kube-system"),
        ("PUT", "/api/v1/namespaces/a/status", {}, "update namespaces/status /a"),
        ("GET", "/apis/coordination.k8s.io/v1/configmaps", {}, None),
        ("GET", "/api/v1/namespaces/a/nodes", {}, None),
        ("GET", "/api/v1/namespaces/a/configmaps/b/status", {}, None),
        ("POST", "/api/v1/namespaces/a/configmaps/b", {}, None),
        ("DELETE", "/api/v1/namespaces/a/configmaps", {}, None),
        ("GET", "/", {}, None),
    ],
)
def test_what_a_path_asks_for(
    method: str, path: str, query: dict[str, str], meant: str | None
) -> None:
    request = Request(method, path, query, {}, b"")
    if meant is None:
        with pytest.raises(Failure, match="could not find the requested resource"):
            asked(request)
    else:
        a = asked(request)
        assert f"{a.verb} {a.resource} {a.namespace}/{a.name}" == meant


LABELLED: dict[str, Any] = {"metadata": {"name": "n", "labels": {"app": "a", "tier": "x"}}}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=a", True),
        ("app==a,tier!=y", True),
        ("app!=a", False),
        ("none!=a", True),
        ("app in (a, b),tier notin (y,z)", True),
        ("app in (b)", False),
        ("none notin (b)", True),
        ("app", True),
        ("!app", False),
        ("!none,tier", True),
    ],
)
def test_label_selectors(text: str, matches: bool) -> None:
    assert label_selector(text)(LABELLED) is matches


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}}
    assert field_selector("spec.nodeName=n,metadata.name!=q", POD)(pod)
    assert not field_selector("status.phase=Running", POD)(pod)
    with pytest.raises(Failure, match=r"field label not supported: spec\.x"):
        field_selector("spec.x=1", POD)
    with pytest.raises(Failure, match="invalid selector"):
        field_selector("nonsense", POD)


def test_rules_grant_by_verb_resource_name_and_namespace() -> None:
    rule = Rule(("get", "create"), ("leases",), "status", ("n",), "coordination.k8s.io")
    asks = {
        Asked("get", LEASE, "status", "n", ""): True,
        Asked("get", LEASE, "status", "m", ""): False,
        Asked("get", LEASE, "other", "n", ""): False,
        Asked("patch", LEASE, "status", "n", ""): False,
        Asked("create", LEASE, "status", "", ""): False,  # a name is not known yet
        Asked("get", CONFIG_MAP, "status", "n", ""): False,
    }
    assert {asks_for: rule.grants(asks_for) for asks_for in asks} == asks


async def events_of(
    server: ApiServer, query: Mapping[str, str], seconds: float = 5
) -> list[dict[str, Any]]:
    """What a watch of `seconds` brings."""
    request = get(f"/api/v1/namespaces/{NAMESPACE}/configmaps", **query)
    more = {"watch": "1", "timeoutSeconds": str(int(seconds))}
    request = Request("GET", request.path, {**request.query, **more}, {}, b"")
    watch = Watch(server.store, asked(request), request, server.bookmark_seconds)
    return [json.loads(line) async for line in watch.lines()]


@played
async def test_a_watch_from_nowhere_and_from_0_begins_with_all_there_is() -> None:
    server = ApiServer()
    put(server, "a")
    queries: list[dict[str, str]] = [{}, {"resourceVersion": "0"}]
    for query in queries:
        events = await events_of(server, query)
        assert [event["type"] for event in events] == ["ADDED"]


@played
async def test_a_watch_of_a_forgotten_version_is_410_on_the_stream() -> None:
    server = ApiServer(window=2)
    versions = [put(server, str(n))["metadata"]["resourceVersion"] for n in range(5)]
    (error,) = await events_of(server, {"resourceVersion": versions[1]})
    assert error["type"] == "ERROR"
    assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
    assert error["object"]["message"] == f"too old resource version: {versions[1]} ({versions[2]})"
    events = await events_of(server, {"resourceVersion": versions[2]})
    assert [e["object"]["data"]["config"] for e in events] == ["3", "4"]


@played
async def test_a_deletion_carries_its_own_version() -> None:
    server = ApiServer()
    version = put(server, "a")["metadata"]["resourceVersion"]
    remove(server)
    (event,) = await events_of(server, {"resourceVersion": version})
    assert event["type"] == "DELETED"
    assert event["object"]["metadata"]["resourceVersion"] == str(server.store.version)


@played
async def test_bookmarks_come_each_minute_and_before_the_end_to_those_who_ask() -> None:
    server = ApiServer()
    version = str(server.store.version)
    wanted = {"resourceVersion": version, "allowWatchBookmarks": "true"}
    bookmarks = await events_of(server, wanted, 150)
    assert [event["type"] for event in bookmarks] == ["BOOKMARK"] * 3  # at 60, 120 and 148 s
    assert bookmarks[0]["object"]["metadata"] == {
        "resourceVersion": version,
        "creationTimestamp": None,
    }
    assert await events_of(server, {"resourceVersion": version}, 150) == []


@played
async def test_a_watch_of_a_version_to_come_is_silent_until_it_has_come() -> None:
    server = ApiServer()
    ahead = {"resourceVersion": str(server.store.version + 2), "allowWatchBookmarks": "true"}
    loop = asyncio.get_running_loop()
    for number in range(4):
        loop.call_later(100 + number, put, server, str(number))
    events = await events_of(server, ahead, 110)
    assert [e["object"].get("data") for e in events if e["type"] != "BOOKMARK"] == [
        {"config": "2"},
        {"config": "3"},
    ]
    assert events[0]["type"] == "MODIFIED"


def refuse(server: ApiServer, item: dict[str, Any], where: str = NAMESPACE) -> Failure:
    with pytest.raises(Failure) as raised:
        server.writes.create(
            Asked("create", CONFIG_MAP, where, "", ""),
            Request("POST", "", {}, {}, json.dumps(item).encode()),
        )
    return raised.value


def test_what_is_no_configmap_is_refused() -> None:
    server = ApiServer()
    for item, code in (
        ({"metadata": {"name": "a"}, "data": {"config": ["a"]}}, 400),
        ({"metadata": {"name": "a"}, "data": {"a/b": ""}}, 422),
        ({"metadata": {"name": "A_B"}}, 422),
        ({"metadata": {}}, 422),
        ({"metadata": {"name": "a", "namespace": "default"}}, 400),
        ({"metadata": {"name": "a", "resourceVersion": "1"}}, 400),
        ({"metadata": {"name": "a"}, "kind": "Secret"}, 400),
        ({"metadata": {"name": "a"}, "data": {"config": "x" * 1024 * 1024}}, 422),
    ):
        assert refuse(server, item).code == code
    assert refuse(server, {"metadata": {"name": "a"}}, "nowhere").code == 404


def test_fields_that_a_configmap_does_not_have_are_dropped() -> None:
    server = ApiServer()
    body = {"metadata": {"name": "a"}, "nonMasqueradeCIDRs": ["10.0.0.0/8"], "data": {}}
    made = server.writes.create(
        Asked("create", CONFIG_MAP, NAMESPACE, "", ""),
        Request("POST", "", {}, {}, json.dumps(body).encode()),
    )
    assert set(made) == {"kind", "apiVersion", "metadata", "data"}
