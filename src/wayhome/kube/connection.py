"""A connection to an API server, which notices by itself that its other end is gone.

A node that loses its network, a load balancer that forgets a flow, an API server whose machine dies: none of them
says so, and a watch only ever reads. Keepalive probes end such a connection within KEEPALIVE_SECONDS, and
TCP_USER_TIMEOUT one that has something unacknowledged. What answers probes and says nothing all the same (a proxy) is
the reader's to notice.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from wayhome.kube.access import Access
from wayhome.kube.errors import UnreachableError
from wayhome.kube.proxy import Proxy
from wayhome.kube.streams import BUFFER, Streams, reason_of
from wayhome.kube.tunnel import open_tunnel

IDLE_SECONDS = 20
PROBE_SECONDS = 5
PROBES = 3
KEEPALIVE_SECONDS = IDLE_SECONDS + PROBE_SECONDS * PROBES
"""The longest that a dead peer stays unnoticed: 35 s."""

Connect = Callable[[Access], Awaitable[Streams]]


async def connect(access: Access) -> Streams:
    """Open a connection. Raises UnreachableError and CredentialsError."""
    context = access.tls_context()
    name = (access.server_name or access.host) if context else None
    try:
        if access.proxy:
            reader, writer = await _through_proxy(access, access.proxy, context, name)
        else:
            reader, writer = await asyncio.open_connection(
                access.host, access.port, ssl=context, server_hostname=name, limit=BUFFER
            )
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(
            f"{access.url} shows a certificate that is not trusted: {error.verify_message}"
        ) from error
    except OSError as error:
        raise UnreachableError(f"{access.url} cannot be reached: {reason_of(error)}") from error
    except UnicodeError as error:  # what IDNA does not take: an empty label, or a long one
        raise UnreachableError(f"{access.url} cannot be reached: that is no host name") from error
    _keep_alive(writer.get_extra_info("socket"))
    return reader, writer


async def _through_proxy(
    access: Access, proxy: Proxy, context: ssl.SSLContext | None, name: str | None
) -> Streams:
    reader, writer = await open_tunnel(proxy, access.authority_of_url)
    if context:
        try:
            await writer.start_tls(context, server_hostname=name)
        except BaseException:
            writer.transport.abort()
            raise
    return reader, writer


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # What a system lacks of these (macOS names the first otherwise) is its own default then.
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_SECONDS),
        ("TCP_KEEPINTVL", PROBE_SECONDS),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", KEEPALIVE_SECONDS * 1000),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
