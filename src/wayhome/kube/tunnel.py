"""A connection to an API server through an HTTP proxy: CONNECT, and then whatever is spoken goes through it.

Source: RFC 9110, 9.3.6. An API server that is spoken to without TLS is reached the same way.
"""

import asyncio

from wayhome.kube.errors import UnreachableError
from wayhome.kube.http import read_head, request_text
from wayhome.kube.proxy import Proxy
from wayhome.kube.streams import BUFFER, Streams, reason_of


async def open_tunnel(proxy: Proxy, target: str) -> Streams:
    """Open one to `target`, HOST:PORT. Raises UnreachableError."""
    try:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=BUFFER)
    except OSError as error:
        raise UnreachableError(f"{proxy} cannot be reached: {reason_of(error)}") from error
    except UnicodeError as error:
        raise UnreachableError(f"{proxy} cannot be reached: that is no host name") from error
    try:
        await _ask(proxy, target, reader, writer)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def _ask(
    proxy: Proxy, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    fields = {"Host": target, "Connection": "keep-alive"}
    if proxy.authorization:
        fields["Proxy-Authorization"] = proxy.authorization
    try:
        writer.write(request_text("CONNECT", target, fields, None))
        await writer.drain()
        head = await read_head(reader)
    except OSError as error:
        raise UnreachableError(f"{proxy} broke the connection: {reason_of(error)}") from error
    except UnreachableError as error:
        raise UnreachableError(f"{proxy} is no HTTP proxy: {error}") from error
    if head.code == 407:
        raise UnreachableError(f"{proxy} wants to know who asks; write http://USER:PASSWORD@HOST:PORT")  # fmt: skip
    if not 200 <= head.code < 300:
        raise UnreachableError(f"{proxy} opens no way to {target}: it answers {head.code}")
