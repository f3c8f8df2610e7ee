"""The verbs against the tests' API server; tokens that end; answers that are damaged; TLS."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.rights import EVERYTHING, Rule
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE, put
from tests.kube.virtual_time import played

from wayhome.kube.access import Access, Pem
from wayhome.kube.client import Client, Selection, _Request
from wayhome.kube.connection import connect
from wayhome.kube.credentials import ClientCertificate, Credentials, Password, Token, TokenFile
from wayhome.kube.errors import (
    CredentialsError,
    KubeError,
    NonsenseError,
    RefusedError,
    UnreachableError,
)
from wayhome.kube.events import EventType
from wayhome.kube.http import HEAD_LINES
from wayhome.kube.resources import CONFIG_MAPS, LEASES, NODES, PODS, Resource
from wayhome.kube.streams import BUFFER, Streams

ONE = Selection(CONFIG_MAPS, NAMESPACE, NAME)


def client_of(server: ApiServer, credentials: Credentials | None = None) -> Client:
    who = access(credentials) if credentials else access()
    return Client(who, connect=Link(server).connect)


async def refused(call: Awaitable[object]) -> RefusedError:
    with pytest.raises(RefusedError) as raised:
        await call
    return raised.value


@played
async def test_the_verbs() -> None:
    server = ApiServer()
    client = client_of(server)
    lease = {
        "metadata": {"name": "node-1", "namespace": "default"},
        "spec": {"holderIdentity": "a"},
    }
    made = await client.create(LEASES, lease)
    assert made["metadata"]["resourceVersion"] == str(server.store.version)
    again = await refused(client.create(LEASES, lease))
    assert (again.code, again.reason) == (409, "AlreadyExists")
    assert await client.get(LEASES, "default", "node-1") == made
    changed = await client.merge_patch(
        LEASES,
        "default",
        "node-1",
        {
            "spec": {"holderIdentity": None, "leaseTransitions": 2},
            "metadata": {"annotations": {"a": "b"}},
        },
    )
    assert changed["spec"] == {"leaseTransitions": 2}
    stale = await refused(client.replace(LEASES, made))
    assert (stale.code, stale.reason) == (409, "Conflict")
    same = await client.replace(LEASES, changed)
    assert same["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]
    await client.delete(LEASES, "default", "node-1")
    gone = await refused(client.get(LEASES, "default", "node-1"))
    assert gone.code == 404
    assert 'leases.coordination.k8s.io "node-1" not found' in str(gone)


@played
async def test_apply_as_two_managers() -> None:
    client = client_of(ApiServer())
    item = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"config": "a", "config.next": "b"},
    }
    await client.apply(CONFIG_MAPS, item, "wayhome")
    theirs = {**item, "data": {"config": "c"}}
    conflict = await refused(client.apply(CONFIG_MAPS, theirs, "argocd"))
    assert conflict.reason == "Conflict"
    assert 'conflict with "wayhome" using v1: .data.config' in conflict.message
    tried = await client.apply(CONFIG_MAPS, theirs, "argocd", force=True, dry_run=True)
    assert tried["data"]["config"] == "c"
    assert (await client.get(CONFIG_MAPS, NAMESPACE, NAME))["data"]["config"] == "a"
    await client.apply(CONFIG_MAPS, theirs, "argocd", force=True)
    kept = await client.apply(
        CONFIG_MAPS, {**item, "data": {"config": "c"}}, "wayhome"
    )  # shared now; config.next goes
    assert kept["data"] == {"config": "c"}
    owners = {e["manager"]: e["fieldsV1"] for e in kept["metadata"]["managedFields"]}
    assert owners == {name: {"f:data": {"f:config": {}}} for name in ("wayhome", "argocd")}


@played
async def test_status_is_written_through_its_subresource_only() -> None:
    client = client_of(ApiServer())
    node = {
        "metadata": {"name": "n"},
        "spec": {"podCIDRs": ["10.0.0.0/24"]},
        "status": {"a": 1},
    }
    assert "status" not in await client.create(NODES, node)
    patch = {"status": {"phase": "x"}, "spec": {"podCIDRs": []}}
    assert (await client.merge_patch(NODES, "", "n", patch, "status"))["spec"] == node["spec"]
    after = await client.merge_patch(NODES, "", "n", patch | {"status": {"phase": "y"}})
    assert after["spec"] == {"podCIDRs": []}
    assert after["status"] == {"phase": "x"}


def test_paths_are_those_of_the_api() -> None:
    assert (
        CONFIG_MAPS.path("kube-system", "a b") == "/api/v1/namespaces/kube-system/configmaps/a%20b"
    )
    assert NODES.path("ignored", "n", "status") == "/api/v1/nodes/n/status"
    assert PODS.path() == "/api/v1/pods"
    assert LEASES.path("d", "x") == "/apis/coordination.k8s.io/v1/namespaces/d/leases/x"
    assert LEASES.api_version == "coordination.k8s.io/v1"


@played
async def test_a_watch_of_labels_sees_what_begins_and_ceases_to_match() -> None:
    client = client_of(ApiServer())
    item = {"metadata": {"name": "p", "namespace": "default", "labels": {"app": "a"}}}
    await client.create(PODS, item)
    selection = Selection(PODS, labels="app=a")
    listed = await client.list(selection)
    assert [each["metadata"]["name"] for each in listed.items] == ["p"]
    async with client.watch(selection, listed.version, 60) as stream:
        for label in ("b", "a"):
            await client.merge_patch(PODS, "default", "p", {"metadata": {"labels": {"app": label}}})
        events = [await stream.next(), await stream.next()]
    assert [event and event.type for event in events] == [EventType.DELETED, EventType.ADDED]


@played
async def test_rights_by_name_reach_a_list_and_a_watch_of_that_name() -> None:
    server = ApiServer()
    server.rights.issue("t", "system:serviceaccount:wayhome:agent")
    server.rights.grant(
        "system:serviceaccount:wayhome:agent",
        Rule(("get", "list", "watch"), ("configmaps",), NAMESPACE, (NAME,)),
    )
    client = client_of(server, Token("t"))
    listed = await client.list(ONE)
    async with client.watch(ONE, listed.version, 1) as stream:
        bookmark = await stream.next()
        assert bookmark
        assert bookmark.type is EventType.BOOKMARK
        assert await stream.next() is None
    everything = await refused(client.list(Selection(CONFIG_MAPS, NAMESPACE)))
    assert everything.code == 403
    assert 'cannot list resource "configmaps" in API group ""' in everything.message
    assert (await refused(client.list(Selection(CONFIG_MAPS, NAMESPACE, "other")))).code == 403
    assert (await refused(client.delete(CONFIG_MAPS, NAMESPACE, NAME))).code == 403
    assert {(c.verb, c.name, c.code) for c in server.calls if c.code == 200} == {
        ("list", NAME, 200),
        ("watch", NAME, 200),
    }


@played
async def test_a_rotated_token_is_read_before_each_request_and_after_a_401(tmp_path: Path) -> None:
    server = ApiServer()
    server.rights.grant("agent", EVERYTHING)
    server.rights.issue("old", "agent", 3600)
    file = tmp_path / "token"
    file.write_text("old\n")
    client = client_of(server, TokenFile(file))
    await client.list(ONE)
    await asyncio.sleep(3601)
    assert (await refused(client.list(ONE))).code == 401
    assert len(server.calls) == 2, "the same token is not tried twice"
    server.rights.issue("new", "agent")
    file.write_text("new\n")
    await client.list(ONE)
    file.unlink()
    with pytest.raises(CredentialsError, match="there is no token"):
        await client.list(ONE)
    file.write_text("")
    with pytest.raises(CredentialsError, match="token is empty"):
        await client.list(ONE)
    file.write_text("two\r\nHost: elsewhere")
    with pytest.raises(CredentialsError, match="is no token"):
        await client.list(ONE)


@played
async def test_a_token_that_is_rotated_between_reading_and_asking_is_tried_again(
    tmp_path: Path,
) -> None:
    server = ApiServer()
    server.rights.issue("new", "agent")
    file = tmp_path / "token"
    file.write_text("old")

    class Raced(TokenFile):
        async def authorization(self) -> str:
            header = await super().authorization()
            file.write_text("new")
            return header

    await client_of(server, Raced(file)).list(ONE)
    assert [call.code for call in server.calls] == [401, 200]


@played
async def test_a_new_token_that_is_refused_too_is_the_end_of_it(tmp_path: Path) -> None:
    server = ApiServer()
    server.rights.issue("another", "agent")
    file = tmp_path / "token"
    file.write_text("0")

    class Spinning(TokenFile):
        async def authorization(self) -> str:
            header = await super().authorization()
            file.write_text(str(int(file.read_text()) + 1))
            return header

    assert (await refused(client_of(server, Spinning(file)).list(ONE))).code == 401
    assert [call.code for call in server.calls] == [401, 401]


def test_a_password() -> None:
    header = asyncio.run(Password("jane", "s:ecret").authorization())
    assert header == "Basic amFuZTpzOmVjcmV0"


@pytest.mark.parametrize(
    ("fault", "code", "retry_after"),
    [
        (Fault(Action.ANSWER, code=429, retry_after=3), 429, 3.0),
        (Fault(Action.ANSWER, code=500), 500, None),
        (Fault(Action.ANSWER, code=410), 410, None),
    ],
    ids=str,
)
@played
async def test_refusals(fault: Fault, code: int, retry_after: float | None) -> None:
    server = ApiServer()
    server.faults.add(fault)
    error = await refused(client_of(server).list(ONE))
    assert (error.code, error.retry_after, error.expired) == (code, retry_after, code == 410)


@played
async def test_a_version_that_is_not_known_yet_is_told_apart() -> None:
    error = await refused(client_of(ApiServer()).list(ONE, "999"))
    assert (error.code, error.too_new, error.retry_after) == (504, True, 1.0)


@played
async def test_all_objects_come_page_by_page() -> None:
    server = ApiServer()
    client = client_of(server)
    for number in range(5):
        await client.create(NODES, {"metadata": {"name": f"n{number}"}})
    names = [[item["metadata"]["name"] for item in page] async for page in client.pages(Selection(NODES), 2)]  # fmt: skip
    assert names == [["n0", "n1"], ["n2", "n3"], ["n4"]]


@played
async def test_a_delete_of_one_version_spares_another() -> None:
    server = ApiServer()
    client = client_of(server)
    made = await client.create(NODES, {"metadata": {"name": "n"}})
    version = made["metadata"]["resourceVersion"]
    changed = await client.merge_patch(NODES, "", "n", {"spec": {"unschedulable": True}})
    spared = await refused(client.delete(NODES, "", "n", version))
    assert (spared.code, spared.reason) == (409, "Conflict")
    await client.delete(NODES, "", "n", changed["metadata"]["resourceVersion"])
    assert (await refused(client.get(NODES, "", "n"))).code == 404


@played
async def test_an_apply_for_an_object_that_is_gone_makes_no_other_one() -> None:
    server = ApiServer()
    client = client_of(server)
    item = {"metadata": {"name": NAME, "namespace": "default"}, "data": {"config": "a"}}
    made = await client.apply(CONFIG_MAPS, item, "wayhome")
    uid = made["metadata"]["uid"]
    await client.delete(CONFIG_MAPS, "default", NAME)
    late = {**item, "metadata": {**item["metadata"], "uid": uid}}
    gone = await refused(client.apply(CONFIG_MAPS, late, "wayhome", force=True))
    assert (gone.code, gone.reason) == (409, "Conflict")
    assert (await refused(client.get(CONFIG_MAPS, "default", NAME))).code == 404


@played
async def test_a_list_comes_in_pages_that_expire() -> None:
    server = ApiServer()
    for number in range(5):
        put(server, "x", name=f"c{number}")
    pages = Resource("", "v1", "configmaps")
    client = client_of(server)
    first = await client._ask(request(pages, limit="2"))
    assert first["metadata"]["remainingItemCount"] == 3
    put(server, "x", name="c9")
    token = first["metadata"]["continue"]
    second = await client._ask(request(pages, limit="3", **{"continue": token}))
    assert [item["metadata"]["name"] for item in second["items"]] == ["c2", "c3", "c4"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]
    server.lists.expire()
    gone = await refused(client._ask(request(pages, **{"continue": token})))
    assert (gone.code, gone.reason) == (410, "Expired")


def request(resource: Resource, **query: str) -> _Request:
    return _Request("GET", resource.path(NAMESPACE), query)


def talks(answer: bytes) -> Callable[[Access], Awaitable[Streams]]:
    """A way to a server that says `answer`, whatever it is asked, and closes."""

    async def connecting(access: Access) -> Streams:
        listening: asyncio.Server

        async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()
            listening.close()

        listening = await asyncio.start_server(said, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        return await asyncio.open_connection("127.0.0.1", port, limit=BUFFER)

    return connecting


OK = b"HTTP/1.1 200 OK\r\n"
LISTED = b'{"metadata":{"resourceVersion":"7"},"items":[]}'


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "the connection ended within the answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP: 'SSH-2.0-OpenSSH_9.2'"),
        (b"HTTP/1.1 2\x1b[2J\r\n\r\n", "not HTTP"),
        (b"x" * 100_000, "does not end"),
        (OK + b"A: b\r\n" * (HEAD_LINES + 1), "head does not end"),
        (OK + b"Content-Length: 50\r\n\r\n{}", "the connection ended within the answer"),
        (OK + b"Content-Length: -1\r\n\r\n", "a length is no number"),
        (OK + b"Content-Length: 99999999999999\r\n\r\n{}", "ended within"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", "a length is no number"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX\r\n", "longer than it says"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "ended within"),
        (OK + b"\r\n[]", "no object"),
        (OK + b"\r\n" + b"[" * 100_000, "not JSON"),
        (OK + b'\r\n{"items": 7}', "no list"),
    ],
)
def test_damaged_answers(answer: bytes, problem: str) -> None:
    async def scenario() -> None:
        with pytest.raises((UnreachableError, NonsenseError)) as raised:
            await Client(access(), connect=talks(answer)).list(ONE)
        assert problem in str(raised.value)
        assert str(raised.value).isprintable()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: %d\r\n\r\n" % len(LISTED) + LISTED,
        OK + b"\r\n" + LISTED,
        OK
        + b"transfer-encoding: Chunked\r\n\r\n%X;ext=1\r\n%s\r\n0\r\n\r\n" % (len(LISTED), LISTED),
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\n" + LISTED,
        b"HTTP/1.0 200 \r\n\r\n" + LISTED,
        OK.replace(b"\r\n", b"\n") + b"\n" + LISTED,
    ],
)
def test_answers_as_rfc_9112_allows_them(answer: bytes) -> None:
    assert asyncio.run(Client(access(), connect=talks(answer)).list(ONE)).version == "7"


def test_what_stands_in_refusals_is_printable_and_short() -> None:
    async def scenario() -> None:
        body = b'{"code": true, "reason": ["\\u001b"], "message": "%s"}' % (b"\\u001b" * 5000)
        answer = b"HTTP/1.1 500 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n" + body
        error = await refused(Client(access(), connect=talks(answer)).list(ONE))
        assert str(error).isprintable()
        assert len(str(error)) < 1000
        assert (error.code, error.retry_after) == (500, None)

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_server(authority: trustme.CA, *names: str, clients: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    return context


async def asked_over_tls(tls: ssl.SSLContext, host: str, **more: object) -> str:
    """What comes of a list: `ok`, or the error's text."""
    server = ApiServer()
    listening = await server.listen(host, tls=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        await Client(Access(host, port, **more), connect=connect).list(ONE)  # type: ignore[arg-type]
    except KubeError as error:
        return str(error)
    finally:
        listening.close()
        await server.close()
    return "ok"


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Pem:
    file = tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(file)
    return Pem(file)


def test_tls_by_address_of_both_families(authority: trustme.CA, trusted: Pem) -> None:
    tls = tls_server(authority, "127.0.0.1", "::1")
    assert asyncio.run(asked_over_tls(tls, "127.0.0.1", authority=trusted)) == "ok"
    assert asyncio.run(asked_over_tls(tls, "::1", authority=trusted)) == "ok"
    text = Pem(text=authority.cert_pem.bytes().decode())
    assert asyncio.run(asked_over_tls(tls, "::1", authority=text)) == "ok"


def test_tls_that_is_not_trusted_says_why(authority: trustme.CA, trusted: Pem) -> None:
    tls = tls_server(authority, "api.other")
    said = asyncio.run(asked_over_tls(tls, "127.0.0.1", authority=trusted))
    assert "shows a certificate that is not trusted: IP address mismatch" in said
    assert asyncio.run(asked_over_tls(tls, "127.0.0.1", insecure=True)) == "ok"
    named = asked_over_tls(tls, "127.0.0.1", authority=trusted, server_name="api.other")
    assert asyncio.run(named) == "ok"
    other = Pem(text=trustme.CA().cert_pem.bytes().decode())
    said = asyncio.run(asked_over_tls(tls, "127.0.0.1", authority=other, server_name="api.other"))
    assert "not trusted: unable to get local issuer certificate" in said


def test_a_broken_authority_names_its_file(authority: trustme.CA, tmp_path: Path) -> None:
    tls = tls_server(authority, "127.0.0.1")
    for content, problem in (("nonsense", "ca.crt cannot be used"), (None, "No such file")):
        file = tmp_path / "ca.crt"
        file.unlink(missing_ok=True)
        if content:
            file.write_text(content)
        assert problem in asyncio.run(asked_over_tls(tls, "127.0.0.1", authority=Pem(file)))


def test_a_client_certificate_as_text_leaves_no_file(
    authority: trustme.CA, trusted: Pem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    tls = tls_server(authority, "127.0.0.1", clients=True)
    issued = authority.issue_cert("client@test")
    chain = Pem(text=issued.cert_chain_pems[0].bytes().decode())
    key = Pem(text=issued.private_key_pem.bytes().decode())
    who = ClientCertificate(chain, key)
    said = asyncio.run(asked_over_tls(tls, "127.0.0.1", authority=trusted, credentials=who))
    assert said == "ok"
    wrong = ClientCertificate(key, key)
    said = asyncio.run(asked_over_tls(tls, "127.0.0.1", authority=trusted, credentials=wrong))
    assert "client certificate" in said
    assert list(folder.iterdir()) == []
