"""The target of the probes, as a program: it tells everybody the address that it sees them from.

    python -m wayhome.probe.server [--address ADDRESS] [--http-port N] [--greeting-port N]

`GET /health` answers with JSON; a TCP connection to the greeting port is greeted with the address in one line and
closed. It prints `listening` once both ports are open, and then one line for each request.
"""

import argparse
import json
import socket
import socketserver
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address

from wayhome.probe.flow import GREETING_PORT, HTTP_PORT

LISTENING = "listening"


class _Server(socketserver.ThreadingTCPServer):
    # Not http.server.HTTPServer: that looks its own name up in the DNS, which in an isolated network takes seconds.
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: str, port: int, handler: type[socketserver.BaseRequestHandler]
    ) -> None:
        if ip_address(address).version == 6:
            self.address_family = socket.AF_INET6  # `::` takes IPv4 clients too
        super().__init__((address, port), handler)


def health(path: str, source: str, port: int) -> tuple[HTTPStatus, dict[str, object]]:
    """What a client gets that asked for a path, from that address and port."""
    if path == "/health":
        return HTTPStatus.OK, {"status": "ok", "source": source, "source_port": port}
    return HTTPStatus.NOT_FOUND, {"status": "not found", "try": "/health"}


class Health(BaseHTTPRequestHandler):
    """Answers `/health` with the source of the connection."""

    timeout = 10  # seconds that a client may take for its request

    def do_GET(self) -> None:
        """Answer."""
        self._answer(*health(self.path, _source(self.client_address), self.client_address[1]))

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, template: str, *values: object) -> None:
        """One line for each request, with what the client sent made printable."""
        print(f"{_source(self.client_address)} {template % values!a}", flush=True)  # noqa: T201 (a program's log)


class Greeting(socketserver.BaseRequestHandler):
    """Greets with the source of the connection and closes."""

    def handle(self) -> None:
        """Answer."""
        self.request.sendall(f"{_source(self.client_address)}\n".encode())


def _source(client: tuple[str, int]) -> str:
    """The client's address; a socket for both families writes an IPv4 one as a mapped one."""
    return client[0].removeprefix("::ffff:")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m wayhome.probe.server", description=__doc__)
    parser.add_argument("--address", default="0.0.0.0", help="where to listen")  # noqa: S104 (that is its purpose)
    parser.add_argument("--http-port", type=int, default=HTTP_PORT)
    parser.add_argument("--greeting-port", type=int, default=GREETING_PORT)
    options = parser.parse_args(arguments)
    with (
        _Server(options.address, options.greeting_port, Greeting) as greeting,
        _Server(options.address, options.http_port, Health) as health,
    ):
        threading.Thread(target=greeting.serve_forever, daemon=True).start()
        print(LISTENING, flush=True)  # noqa: T201 (whoever started us waits for it)
        health.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
