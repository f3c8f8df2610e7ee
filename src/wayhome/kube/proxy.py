"""A way to the API server through an HTTP proxy: which one, and how it is asked (CONNECT).

As kubectl finds it: the kubeconfig's `proxy-url`, else HTTPS_PROXY (for an API server without TLS, HTTP_PROXY), unless
NO_PROXY names the API server. Names in lower case count too, and second. What speaks SOCKS or wants TLS itself is
refused with a sentence: the connection inside would have to be a second one.

Source: Go's golang.org/x/net/http/httpproxy, package documentation (which client-go uses); RFC 9110, 9.3.6 (CONNECT).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from wayhome.kube.errors import CredentialsError


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and its Proxy-Authorization; empty for none."""

    host: str
    port: int
    authorization: str = ""

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port}"


def parse_proxy(url: str, source: str) -> Proxy:
    """Of an URL that `source` holds. Raises CredentialsError, without the URL: it may hold a password."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise CredentialsError(f"{source} is no URL; write http://HOST:PORT") from error
    if parts.scheme != "http":
        raise CredentialsError(
            f"{source} names a proxy that is spoken to in {parts.scheme}, which is not supported; write http://HOST:PORT, or "
            "leave it out and connect directly"
        )
    if not host or not host.isascii() or not host.isprintable() or " " in host:
        raise CredentialsError(f"{source} names no host; write http://HOST:PORT")
    if parts.username is None:
        return Proxy(host, port)
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(host, port, "Basic " + base64.b64encode(secret.encode()).decode())


def proxy_of(host: str, port: int, *, tls: bool, environment: Mapping[str, str]) -> Proxy | None:
    """The one that the environment names for an API server. Raises CredentialsError."""
    name = "HTTPS_PROXY" if tls else "HTTP_PROXY"
    source, url = _variable(environment, name)
    if not url or _is_this_machine(host):
        return None
    _, exceptions = _variable(environment, "NO_PROXY")
    if any(_names(one.strip().lower(), host.lower().rstrip("."), port) for one in exceptions.split(",")):  # fmt: skip
        return None
    return parse_proxy(url, source)


def _variable(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    for each in (name, name.lower()):
        if value := environment.get(each, ""):
            return each, value
    return name, ""


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(exception: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY means the API server: `*`, a range, an address or a domain, the last two with a port."""
    if exception in ("", "*"):
        return exception == "*"
    address = _address(host)
    if "/" in exception:
        try:
            return address is not None and address in ip_network(exception, strict=False)
        except ValueError:
            return False
    named, number = _with_port(exception)
    if number not in (None, port):
        return False
    if address is not None:
        return _address(named) == address
    domain = named.removeprefix("*")
    if domain.startswith("."):
        return host.endswith(domain)
    return domain != "" and (host == domain or host.endswith(f".{domain}"))


def _with_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
    elif text.count(":") == 1:
        host, _, rest = text.partition(":")
    else:
        return text, None
    rest = rest.lstrip(":")
    return host, int(rest) if rest.isascii() and rest.isdigit() else None


def _address(text: str) -> object:
    try:
        return ip_address(text)
    except ValueError:
        return None
