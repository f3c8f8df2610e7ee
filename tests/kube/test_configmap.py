"""What a ConfigMap says to an agent: each mistake, with its cure; and the watch that keeps it."""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.rights import Rule
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE, put, remove
from tests.kube.virtual_time import played

from wayhome.kube.canary import CANARY_NODES
from wayhome.kube.client import Client
from wayhome.kube.configmap import (
    LAST_APPLIED,
    Absent,
    Pending,
    Said,
    Text,
    Unknown,
    Wrong,
    read_configmap,
    united,
)
from wayhome.kube.configmap_watch import ConfigMapWatch
from wayhome.kube.credentials import ANONYMOUS, Credentials, Token
from wayhome.kube.objects import ObjectVersion
from wayhome.policy.united import unpack

WANTED = (NAMESPACE, NAME)
SEVENTH = (ObjectVersion(NAMESPACE, NAME, "u", "7"),)
CREATE = "kubectl create configmap ip-masq-agent --from-file=config=FILE --namespace kube-system"


def said(annotations: object = None, node: str = "", /, **content: object) -> Said:
    metadata = {"name": NAME, "namespace": NAMESPACE, "resourceVersion": "7", "uid": "u"}
    item = {"metadata": {**metadata, "annotations": annotations}, **content}
    return read_configmap(WANTED, item, "config", node)


def problem(annotations: object = None, **content: object) -> str:
    found = said(annotations, **content)
    assert isinstance(found, Wrong)
    assert found.versions == SEVENTH
    (finding,) = found.findings
    assert str(finding).isprintable()
    return str(finding)


def test_the_key_is_there() -> None:
    assert said(data={"config": "a: b\n", "other": ""}) == Text(b"a: b\n", "config", SEVENTH)
    assert said(data={"config": ""}) == Text(b"", "config", SEVENTH)
    encoded = base64.b64encode(b"\xff\xfe").decode()
    assert said(binaryData={"config": encoded}) == Text(b"\xff\xfe", "config", SEVENTH)


def test_there_is_none() -> None:
    found = read_configmap(WANTED, None, "config")
    assert found == Absent(
        f"there is no ConfigMap kube-system/ip-masq-agent. Make it with: {CREATE}"
    )


def test_the_accounts_mistake_names_the_key_and_the_command_that_mends_it() -> None:
    assert problem(data={"masq.yaml": "nonMasqueradeCIDRs: []"}) == (
        "ConfigMap kube-system/ip-masq-agent has the key masq.yaml and not config, so it has no effect (kubectl names "
        f"a key after its file); make it anew: {CREATE} --dry-run=client -o yaml | kubectl replace -f -"
    )


def test_a_list_directly_in_data() -> None:
    shown = problem(data={"NonMasqueradeCIDRs": "- 10.0.0.0/8", "masqLinkLocal": "true"})
    assert "has NonMasqueradeCIDRs, masqLinkLocal directly in data and no key config" in shown
    assert "put the configuration below data.config" in shown


def test_a_list_outside_of_data_is_seen_in_what_was_applied() -> None:
    applied = json.dumps({"kind": "ConfigMap", "nonMasqueradeCIDRs": ["10.0.0.0/8"]})
    shown = problem({LAST_APPLIED: applied})
    assert "was applied with nonMasqueradeCIDRs outside of data" in shown
    for damaged in ("{", "[]", "[" * 10_000, ""):
        assert "holds no data" in problem({LAST_APPLIED: damaged})


def test_nothing_in_it() -> None:
    nothings: list[object] = [None, {}, [], {"config": None}]
    for nothing in nothings:
        assert CREATE in problem(data=nothing)
    assert CREATE in problem()


def test_what_somebody_named_is_printable_and_short() -> None:
    shown = problem(data={f"\x1b[2J{n}" + "x" * 300: "" for n in range(50)})
    assert len(shown) < 700


def test_damaged_binary_data() -> None:
    assert "damaged binaryData.config" in problem(binaryData={"config": "%"})


OTHER = (NAMESPACE, "other")
FIRST = ObjectVersion(NAMESPACE, NAME, "u", "1")
SECOND = ObjectVersion(NAMESPACE, "other", "v", "2")
GOOD, BAD = Text(b"a", "config", (FIRST,)), said()
BESIDE = Text(b"b", "config", (SECOND,))


def test_several_unite_as_files_do() -> None:
    both = united({WANTED: GOOD, OTHER: BESIDE})
    assert isinstance(both, Text)
    assert unpack(both.data) == {
        "kube-system/ip-masq-agent": b"a",
        "kube-system/other": b"b",
    }
    assert (both.versions, both.key) == ((FIRST, SECOND), "config")
    one = united({WANTED: GOOD, OTHER: Absent("x")})
    assert isinstance(one, Text)
    assert unpack(one.data) == {"kube-system/ip-masq-agent": b"a"}
    assert united({WANTED: GOOD, OTHER: Unknown("why")}) == Unknown("why")
    wrong = united({WANTED: BAD, OTHER: BESIDE})
    assert isinstance(wrong, Wrong)
    assert wrong.versions == (*SEVENTH, SECOND)
    pending = Pending("soon")
    assert united({WANTED: GOOD, OTHER: pending}) == pending
    assert united({WANTED: pending, OTHER: Unknown("why")}) == Unknown("why")
    none = united({WANTED: Absent("x"), OTHER: Absent("y")})
    assert none == Absent(
        "none of the ConfigMaps kube-system/ip-masq-agent, kube-system/other is there; x"
    )
    assert united({WANTED: GOOD}) == GOOD


NAMES_A = {CANARY_NODES: "node-b, node-a,,"}
BOTH_KEYS = {"config": "old", "config.next": "new"}


def test_a_canary_is_for_the_nodes_that_the_annotation_names() -> None:
    for node, data, key in (
        ("node-a", b"new", "config.next"),
        ("node-b", b"new", "config.next"),
        ("node-c", b"old", "config"),
        ("node", b"old", "config"),
        ("", b"old", "config"),
    ):
        candidate = key == "config.next"
        assert said(NAMES_A, node, data=BOTH_KEYS) == Text(data, key, SEVENTH, (), candidate)
    assert said(None, "node-a", data=BOTH_KEYS) == Text(b"old", "config", SEVENTH)
    encoded = base64.b64encode(b"new").decode()
    found = said(NAMES_A, "node-a", data={"config": "old"}, binaryData={"config.next": encoded})
    assert found == Text(b"new", "config.next", SEVENTH, (), candidate=True)


@pytest.mark.parametrize("named", [None, 7, [], {}, {CANARY_NODES: None}, {CANARY_NODES: ["a"]}])
def test_an_annotation_that_names_nobody(named: object) -> None:
    assert said(named, "node-a", data=BOTH_KEYS) == Text(b"old", "config", SEVENTH)


def test_a_canary_without_a_candidate_is_a_warning_and_takes_nothing_away() -> None:
    found = said(NAMES_A, "node-a", data={"config": "old"})
    assert isinstance(found, Text)
    assert (found.data, found.key) == (b"old", "config")
    (note,) = found.notes
    assert "names this node, and there is no key config.next, so config counts" in str(note)
    assert said(NAMES_A, "node-c", data={"config": "old"}) == Text(b"old", "config", SEVENTH)


def test_a_candidate_alone_is_no_configuration_for_the_others() -> None:
    shown = problem(NAMES_A, data={"config.next": "new"})
    assert "has the key config.next, which is for the nodes that a canary names" in shown
    assert said(NAMES_A, "node-a", data={"config.next": "new"}) == Text(
        b"new", "config.next", SEVENTH, (), candidate=True
    )


def test_of_several_each_has_its_own_canary() -> None:
    candidate = said(NAMES_A, "node-a", data=BOTH_KEYS)
    found = united({WANTED: candidate, OTHER: BESIDE})
    assert isinstance(found, Text)
    assert found.key == "kube-system/ip-masq-agent=config.next,kube-system/other=config"
    warned = united({WANTED: said(NAMES_A, "node-a", data={"config": "old"}), OTHER: BESIDE})
    assert isinstance(warned, Text)
    assert str(warned.notes[0]).startswith("kube-system/ip-masq-agent: the annotation")


@dataclass(slots=True)
class Watching:
    server: ApiServer
    link: Link
    watch: ConfigMapWatch
    heard: list[Said] = field(default_factory=list)


@asynccontextmanager
async def watching(
    server: ApiServer, *names: str, credentials: Credentials = ANONYMOUS
) -> AsyncIterator[Watching]:
    link = Link(server)
    heard: list[Said] = []
    watch = ConfigMapWatch(
        Client(access(credentials), connect=link.connect),
        [(NAMESPACE, name) for name in names or (NAME,)],
        "config",
        changed=lambda: heard.append(watch.said),
        random=random.Random(3).random,
    )
    task = asyncio.ensure_future(watch.run())
    try:
        yield Watching(server, link, watch, heard)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(1)
        assert not link.serving


def kinds(heard: list[Said]) -> list[type[Said]]:
    return [type(each) for each in heard]


@played
async def test_a_life_of_a_configmap() -> None:
    async with watching(ApiServer()) as w:
        assert isinstance(w.watch.said, Pending)
        await asyncio.sleep(1)
        put(w.server, "a: b\n", key="masq.yaml")
        await asyncio.sleep(1)
        put(w.server, "a: b\n")
        await asyncio.sleep(1)
        put(w.server, "c: d\n")
        await asyncio.sleep(1)
        put(w.server, None)
        await asyncio.sleep(1)
        remove(w.server)
        await asyncio.sleep(1)
        assert kinds(w.heard) == [Absent, Wrong, Text, Text, Wrong, Absent]


@played
async def test_an_api_that_is_away_and_back_again_says_the_same_as_before() -> None:
    server = ApiServer()
    put(server, "a")
    async with watching(server) as w:
        await asyncio.sleep(1)
        w.link.down = True
        server.break_watches()
        await asyncio.sleep(60)
        (text, unknown) = w.heard[:2]
        assert isinstance(unknown, Unknown)
        assert "ConfigMap kube-system/ip-masq-agent cannot be read" in unknown.reason
        assert "Connection refused" in unknown.reason
        w.link.down = False
        await asyncio.sleep(70)
        assert w.watch.said == text
        assert len(w.heard) == 3


@pytest.mark.parametrize("code", [401, 403])
@played
async def test_a_permission_that_is_missing_names_what_grants_it(code: int) -> None:
    server = ApiServer()
    put(server, "a")
    user = "system:serviceaccount:wayhome:agent"
    server.rights.issue("t", user)
    server.rights.grant("somebody", Rule(("get",), ("nodes",)))
    token = "t" if code == 403 else "unknown"
    async with watching(server, credentials=Token(token)) as w:
        await asyncio.sleep(1)
        unknown = w.watch.said
        assert isinstance(unknown, Unknown)
        if code == 401:
            assert "does not accept this agent's token" in unknown.reason
        else:
            assert f'User "{user}" cannot list resource "configmaps"' in unknown.reason
            assert "resourceNames [ip-masq-agent]" in unknown.reason
        server.rights.issue("unknown", user)
        server.rights.grant(
            user, Rule(("get", "list", "watch"), ("configmaps",), NAMESPACE, (NAME,))
        )
        await asyncio.sleep(120)
        assert isinstance(w.watch.said, Text), "found without a restart"


@played
async def test_several_have_a_watch_each_and_are_known_together() -> None:
    server = ApiServer()
    put(server, "a", name="first")
    put(server, "b", name="second")
    server.faults.add(Fault(Action.ANSWER, "list", code=500))
    async with watching(server, "first", "second") as w:
        await asyncio.sleep(60)
        assert all(isinstance(each, (Unknown, Pending)) for each in w.heard[:-1])
        assert any(isinstance(each, Unknown) for each in w.heard)
        text = w.watch.said
        assert isinstance(text, Text)
        assert unpack(text.data) == {"kube-system/first": b"a", "kube-system/second": b"b"}
        assert {c.name for c in server.calls if c.verb == "watch"} == {"first", "second"}
        remove(server, name="second")
        put(server, "c", name="first")
        await asyncio.sleep(1)
        text = w.watch.said
        assert isinstance(text, Text)
        assert unpack(text.data) == {"kube-system/first": b"c"}
