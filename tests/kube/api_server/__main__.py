"""The server as a process: `python -m tests.kube.api_server [--port N] [--kubeconfig FILE] …`.

Its first line on standard output is its URL; then it serves until SIGTERM or until its standard input ends, so that it
never outlives a test that was killed (`--keep` for a person who starts it in the background).
"""

import argparse
import asyncio
import os
import signal
import ssl
from pathlib import Path

import yaml
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.kube.api_server.server import ApiServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kube.api_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--window", type=int, default=1000, help="writes of a kind remembered")
    parser.add_argument("--bookmark-seconds", type=float, default=60.0)
    parser.add_argument("--certificate", type=Path, help="serve TLS with it; the key is --key")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--kubeconfig", type=Path, help="write one that leads here")
    parser.add_argument("--namespace", action="append", default=[], help="make it, too")
    parser.add_argument("--closed", action="store_true", help="nothing is granted from the start")
    parser.add_argument("--keep", action="store_true", help="standard input may end")
    asyncio.run(serve(parser.parse_args()))


async def serve(options: argparse.Namespace) -> None:
    server = ApiServer(window=options.window, bookmark_seconds=options.bookmark_seconds)
    server.rights.closed = options.closed
    for name in options.namespace:
        server.ensure_namespace(name)
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
    listening = await server.listen(options.host, options.port, tls)
    port = listening.sockets[0].getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http{'s' if tls else ''}://{host}:{port}"
    if options.kubeconfig:
        options.kubeconfig.write_text(yaml.safe_dump(kubeconfig(url)))
    print(url, flush=True)  # noqa: T201
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if not options.keep:
        loop.add_reader(0, lambda: None if os.read(0, 4096) else stopping.set())
    await stopping.wait()
    listening.close()
    await server.close()


def kubeconfig(url: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [
            {"name": "test", "cluster": {"server": url, "insecure-skip-tls-verify": True}}
        ],
        "users": [{"name": "test", "user": {"token": ADMIN_TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }


if __name__ == "__main__":
    main()
