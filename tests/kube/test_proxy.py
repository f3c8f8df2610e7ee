"""Through an HTTP proxy: which one is taken, and a real one that opens a way, with TLS inside it, or refuses."""

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme
from tests.kube.api_server.server import ApiServer
from tests.kube.test_exec import server_with_pod

from wayhome.kube.access import Access, Pem
from wayhome.kube.client import Client, Selection
from wayhome.kube.errors import CredentialsError, UnreachableError
from wayhome.kube.exec import Command, execute
from wayhome.kube.kubeconfig import from_kubeconfig
from wayhome.kube.proxy import Proxy, parse_proxy, proxy_of
from wayhome.kube.resources import NODES

PROXY = Proxy("proxy.example", 3128)
URL = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("", "api.example", 443, False),
        ("*", "api.example", 443, True),
        ("api.example", "api.example", 443, True),
        ("example", "api.example", 443, True),
        ("EXAMPLE", "api.Example.", 443, True),
        (".example", "api.example", 443, True),
        (".api.example", "api.example", 443, False),
        ("*.example", "api.example", 443, True),
        ("pi.example", "api.example", 443, False),
        ("api.example:6443", "api.example", 443, False),
        ("other, api.example:443", "api.example", 443, True),
        ("10.0.0.0/8", "10.96.0.1", 443, True),
        ("10.0.0.0/8", "11.0.0.1", 443, False),
        ("10.0.0.0/8", "api.example", 443, False),
        ("10.96.0.1", "10.96.0.1", 443, True),
        ("10.96.0.1:443", "10.96.0.1", 443, True),
        ("10.96.0", "10.96.0.1", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("[fd00::1]:443", "fd00::1", 443, True),
        ("fd00::1", "fd00::1", 443, True),
        ("nonsense/8,,x:y", "api.example", 443, False),
        ("", "localhost", 443, True),
        ("", "127.0.0.1", 443, True),
        ("", "::1", 443, True),
    ],
)
def test_what_no_proxy_names(no_proxy: str, host: str, port: int, direct: bool) -> None:
    environment = {"HTTPS_PROXY": URL, "NO_PROXY": no_proxy}
    found = proxy_of(host, port, tls=True, environment=environment)
    assert found == (None if direct else PROXY)


@pytest.mark.parametrize(
    ("environment", "tls", "found"),
    [
        ({}, True, None),
        ({"HTTP_PROXY": URL}, True, None),
        ({"HTTP_PROXY": URL}, False, PROXY),
        ({"https_proxy": URL}, True, PROXY),
        ({"https_proxy": "http://other:1", "HTTPS_PROXY": URL}, True, PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, True, PROXY),
        ({"HTTPS_PROXY": URL, "no_proxy": "example"}, True, None),
    ],
)
def test_which_variable_counts(
    environment: Mapping[str, str], tls: bool, found: Proxy | None
) -> None:
    assert proxy_of("api.example", 443, tls=tls, environment=environment) == found


def test_a_user_and_a_password() -> None:
    found = parse_proxy("http://me:s%40fe@proxy", "it")
    assert (found.host, found.port) == ("proxy", 80)
    assert base64.b64decode(found.authorization.removeprefix("Basic ")) == b"me:s@fe"
    assert "s@fe" not in str(found)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://p:1", "in https, which is not supported"),
        ("socks5://user:secret@p:1", "in socks5, which is not supported"),
        ("http://", "names no host"),
        ("http://p:x", "is no URL"),
        ("http://[::1", "is no URL"),
    ],
)
def test_what_is_no_proxy(url: str, problem: str) -> None:
    with pytest.raises(CredentialsError, match=problem) as raised:
        parse_proxy(url, "HTTPS_PROXY")
    assert "secret" not in str(raised.value)


def test_the_kubeconfigs_own_counts_before_the_environments(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\n"
        f"clusters: [{{name: a, cluster: {{server: 'https://api.example', proxy-url: '{URL}'}}}}]\n"
    )
    environment = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}
    assert from_kubeconfig([file], environment=environment).proxy == PROXY


class HttpProxy:
    """One that opens ways, or answers something else."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.answer = answer
        self.asked: list[str] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await asyncio.wait(self._serving, timeout=5)

    async def listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(self.answer)
        if b" 200 " in self.answer:
            host, _, port = head.split(" ")[1].rpartition(":")
            onwards, inwards = await asyncio.open_connection(host, int(port))
            try:
                await asyncio.gather(_copy(reader, inwards), _copy(onwards, writer))
            finally:
                inwards.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    target.close()


@asynccontextmanager
async def through(
    proxy: HttpProxy, server: ApiServer, *, authorization: str = ""
) -> AsyncIterator[Client]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listening = await server.listen(tls=context)
    proxying = await proxy.listen()
    port = proxying.sockets[0].getsockname()[1]
    access = Access(
        "127.0.0.1",
        listening.sockets[0].getsockname()[1],
        authority=Pem(text=authority.cert_pem.bytes().decode()),
        proxy=Proxy("127.0.0.1", port, authorization),
    )
    try:
        yield Client(access)
    finally:
        await proxy.close()
        proxying.close()
        await server.close()
        listening.close()


def test_requests_watches_and_programs_go_through_it() -> None:
    async def scenario(client: Client, proxy: HttpProxy) -> None:
        assert (await client.list(Selection(NODES))).items == []
        async with client.watch(Selection(NODES), "0", 60) as stream:
            await client.create(NODES, {"metadata": {"name": "a"}})
            event = await stream.next()
            assert event
            assert event.item["metadata"]["name"] == "a"
        big = "import sys; sys.stdout.write('x' * 500_000 + sys.stdin.read())"
        command = Command("default", "web", "main", (sys.executable, "-c", big), b"end")
        done = await execute(client, command, seconds=20)
        assert done.stdout == b"x" * 500_000 + b"end"
        first = proxy.asked[0].split("\r\n")
        assert first[0] == f"CONNECT 127.0.0.1:{client.access.port} HTTP/1.1"
        assert "Proxy-Authorization: Basic eA==" in first
        assert len(proxy.asked) == 4

    async def run() -> None:
        proxy = HttpProxy()
        async with through(proxy, server_with_pod(), authorization="Basic eA==") as client:
            await scenario(client, proxy)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants to know who asks"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "it answers 503"),
        (b"SSH-2.0-OpenSSH\r\n", "is no HTTP proxy: the answer is not HTTP"),
        (b"", "is no HTTP proxy: the connection ended"),
    ],
)
def test_a_proxy_that_opens_no_way(answer: bytes, problem: str) -> None:
    async def scenario() -> None:
        async with through(HttpProxy(answer), ApiServer()) as client:
            await client.list(Selection(NODES))

    with pytest.raises(UnreachableError, match=problem):
        asyncio.run(scenario())


def test_a_proxy_that_is_not_there() -> None:
    access = Access("api.example", 443, proxy=Proxy("127.0.0.1", 9))
    with pytest.raises(UnreachableError, match=r"the proxy 127.0.0.1:9 cannot be reached"):
        asyncio.run(Client(access).list(Selection(NODES)))
