"""Requests to any API server with the rights of a kubeconfig, without the project's own client."""

import base64
import http.client
import json
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Object = dict[str, Any]
MERGE_PATCH = "application/merge-patch+json"


class Refused(Exception):  # noqa: N818  # the API's answer, not a fault of ours
    """The API server answered something else than success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Admin:
    """One connection at a time, made anew when it is over."""

    def __init__(self, kubeconfig: Object) -> None:
        cluster = kubeconfig["clusters"][0]["cluster"]
        user = kubeconfig["users"][0]["user"] if kubeconfig.get("users") else {}
        parts = urlsplit(cluster["server"])
        assert parts.hostname
        self._address = (parts.hostname, parts.port or 443)
        self._path = parts.path.rstrip("/")
        self._name = cluster.get("tls-server-name") or parts.hostname
        self._context = _context(cluster, user) if parts.scheme == "https" else None
        self._authorization = _authorization(user)
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self,
        method: str,
        path: str,
        given: object = None,
        content_type: str = "application/json",
        **fields: str,
    ) -> Any:
        """The answer's JSON. `fields`: of the head, with _ for -. Raises Refused."""
        body = None if given is None else json.dumps(given)
        head = {"Content-Type": content_type, **self._authorization}
        head |= {name.replace("_", "-"): value for name, value in fields.items()}
        connection = self._connection or self._connected()
        self._connection = None
        connection.request(method, self._path + path, body, head)
        answer = connection.getresponse()
        content = answer.read()
        self._connection = None if answer.will_close else connection
        if answer.will_close:
            connection.close()
        found = (
            json.loads(content) if content[:1] in (b"{", b"[") else {"message": content.decode()}
        )
        if answer.status >= 300:
            raise Refused(answer.status, found.get("message", ""))
        return found

    def find(self, path: str) -> Any:
        """None where there is none."""
        try:
            return self.ask("GET", path)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        connection.sock = socket.create_connection(self._address, 30)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            connection.sock = self._context.wrap_socket(connection.sock, server_hostname=self._name)
        return connection


def _context(cluster: Object, user: Object) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(cadata=_decoded(authority) if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate := user.get("client-certificate-data"):
        with tempfile.TemporaryDirectory() as folder:  # the library reads files only
            pem = Path(folder, "pem")
            pem.write_text(_decoded(certificate) + _decoded(user["client-key-data"]))
            context.load_cert_chain(pem)
    return context


def _authorization(user: Object) -> dict[str, str]:
    if token := user.get("token"):
        return {"Authorization": f"Bearer {token}"}
    if name := user.get("username"):
        basic = base64.b64encode(f"{name}:{user.get('password', '')}".encode()).decode()
        return {"Authorization": f"Basic {basic}"}
    return {}


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()
