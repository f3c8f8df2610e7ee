"""A connection whose packets are dropped in a real kernel: nobody says that it is dead, and keepalive finds out."""

import asyncio
import subprocess

import pytest
from tests.kube.api_server.server import ApiServer
from tests.kube.steps import NAME, NAMESPACE, put

from wayhome.kube import connection
from wayhome.kube.access import Access
from wayhome.kube.client import Client, Selection
from wayhome.kube.errors import UnreachableError
from wayhome.kube.resources import CONFIG_MAPS
from wayhome.lab.namespaces import NetworkNamespace

ONE = Selection(CONFIG_MAPS, NAMESPACE, NAME)
DROP = """
table ip lost {
  chain out { type filter hook output priority 0; tcp dport PORT drop; tcp sport PORT drop; }
}
"""


@pytest.mark.kernel
def test_a_peer_that_is_gone_without_a_word_is_noticed_by_the_kernel(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 1)
    monkeypatch.setattr(connection, "PROBE_SECONDS", 1)
    monkeypatch.setattr(connection, "KEEPALIVE_SECONDS", 3)

    async def scenario() -> None:
        server = ApiServer()
        listening = await server.listen()
        port = listening.sockets[0].getsockname()[1]
        client = Client(Access("127.0.0.1", port, tls=False))
        async with client.watch(ONE, str(server.store.version), 300) as stream:
            put(server, "one")
            assert await stream.next()
            rules = DROP.replace("PORT", str(port)).encode()
            subprocess.run(["nft", "-f", "-"], input=rules, check=True)  # noqa: ASYNC221
            with pytest.raises(UnreachableError, match="timed out"):
                await asyncio.wait_for(stream.next(), 60)
        listening.close()
        await server.close()

    asyncio.run(scenario())
