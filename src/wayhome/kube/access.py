"""Where an API server is, whom it is trusted by, and who asks.

A TLS context is made for each connection, so that a rotated authority or client certificate counts at once; that is
half a millisecond, a few times an hour. Without an authority of its own the system's are trusted.
"""

import base64
import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from wayhome.kube.credentials import ANONYMOUS, Credentials
from wayhome.kube.errors import CredentialsError
from wayhome.kube.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate or a key: in a file, which may be replaced while we run, or as text."""

    file: Path | None = None
    text: str = ""

    @classmethod
    def decoded(cls, data: str) -> "Pem":
        """From base64, as a kubeconfig holds it. Raises ValueError."""
        return cls(text=base64.b64decode("".join(data.split()), validate=True).decode("ascii"))


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one API server. `path` stands before every path (proxies such as Rancher's have one)."""

    host: str
    port: int
    tls: bool = True
    path: str = ""
    authority: Pem | None = None
    insecure: bool = False
    server_name: str = ""
    """The name in its certificate, where that is not the host's."""
    credentials: Credentials = ANONYMOUS
    namespace: str = "default"
    proxy: Proxy | None = None
    """What stands on the way there; None for nothing."""

    @property
    def authority_of_url(self) -> str:
        """Host and port as a URL and the Host header have them; an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """For messages."""
        return f"http{'s' if self.tls else ''}://{self.authority_of_url}{self.path}"

    def tls_context(self) -> ssl.SSLContext | None:
        """How to recognise it; None for plain HTTP. Raises CredentialsError, naming the file that is at fault."""
        if not self.tls:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            self._trust(context)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            source = (self.authority and self.authority.file) or "the certificate authority given"
            raise CredentialsError(f"{source} cannot be used: {_said(error)}") from error
        certificate = self.credentials.certificate
        if certificate:
            try:
                with _as_file(certificate[0]) as chain, _as_file(certificate[1]) as key:
                    context.load_cert_chain(chain, key)
            except (OSError, ValueError) as error:
                raise CredentialsError(
                    f"the client certificate {certificate[0].file or ''} cannot be used: {_said(error)}"
                ) from error
        return context

    def _trust(self, context: ssl.SSLContext) -> None:
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.authority is None:
            context.load_default_certs()
        elif self.authority.file is not None:
            context.load_verify_locations(cafile=self.authority.file)
        else:
            context.load_verify_locations(cadata=self.authority.text)


def split_url(url: str) -> tuple[str, int, bool, str]:
    """Host, port, whether TLS, and path of an API server's URL. Raises ValueError with a sentence."""
    full = (
        url if "://" in url else f"http://{url}"
    )  # as client-go: a bare host is spoken to in plain HTTP
    parts = urlsplit(full)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not _fits_a_line(host):
        raise ValueError(f"{url!r} is no URL of an API server; write https://HOST:PORT")
    tls = parts.scheme == "https"
    path = quote(parts.path.rstrip("/"), safe="/%")
    return host, parts.port or (443 if tls else 80), tls, path


def _fits_a_line(host: str) -> bool:
    """Whether it may stand in a request's head. Names beyond ASCII are written in punycode there."""
    return host.isascii() and host.isprintable() and " " not in host


@contextlib.contextmanager
def _as_file(pem: Pem) -> Iterator[Path]:
    """OpenSSL takes a client's key from a file only; one made for it is our user's alone and gone at once."""
    if pem.file is not None:
        yield pem.file
        return
    descriptor, name = tempfile.mkstemp(prefix="wayhome-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(pem.text)
        yield Path(name)
    finally:
        Path(name).unlink()


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
