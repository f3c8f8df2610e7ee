"""A kubeconfig: the files that KUBECONFIG names, merged, or ~/.kube/config.

As kubectl merges them: the first file that has a cluster, a context, a user or the current context of a name wins;
paths in a file are relative to that file. What is asked of it is one context; only that one has to be whole.

Source: Kubernetes, "Organizing Cluster Access Using kubeconfig Files"; the kubeconfig (v1) reference.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from wayhome.kube.access import Access, Pem, split_url
from wayhome.kube.credentials import (
    ANONYMOUS,
    ClientCertificate,
    Credentials,
    Password,
    Token,
    TokenFile,
)
from wayhome.kube.errors import CredentialsError
from wayhome.kube.exec_plugin import ExecPlugin
from wayhome.kube.proxy import parse_proxy, proxy_of

_SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A cluster, a context or a user, and the folder of its file."""

    content: dict[str, Any]
    folder: Path

    def text(self, name: str) -> str:
        value = self.content.get(name)
        return "" if value is None else str(value)

    def pem(self, name: str) -> Pem | None:
        """`NAME-data`, which wins, or `NAME`."""
        if data := self.text(f"{name}-data"):
            try:
                return Pem.decoded(data)
            except ValueError as error:
                raise CredentialsError(f"the kubeconfig's {name}-data is no base64") from error
        return Pem(self.folder / self.text(name)) if self.text(name) else None


@dataclass(slots=True)
class _Merged:
    sections: dict[str, dict[str, _Entry]] = field(
        default_factory=lambda: {section: {} for section in _SECTIONS}
    )
    current: str = ""

    def find(self, section: str, name: str) -> _Entry:
        try:
            return self.sections[section][name]
        except KeyError:
            known = ", ".join(sorted(self.sections[section])) or "none"
            raise CredentialsError(
                f"the kubeconfig has no {_SECTIONS[section]} {name!r}; it has {known}"
            ) from None


def default_files(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that kubectl would read."""
    named = [Path(name) for name in environment.get("KUBECONFIG", "").split(os.pathsep) if name]
    return named or [Path("~/.kube/config").expanduser()]


def from_kubeconfig(
    files: Sequence[Path], context: str = "", environment: Mapping[str, str] = os.environ
) -> Access:
    """The access of `context`; empty: the current one. Raises CredentialsError."""
    merged = _merge(files)
    name = context or merged.current
    if not name:
        read = ", ".join(str(file) for file in files)
        raise CredentialsError(
            f"{read}: no current-context; set it with `kubectl config use-context NAME`"
        )
    chosen = merged.find("contexts", name)
    cluster = merged.find("clusters", chosen.text("cluster"))
    user = chosen.text("user")
    try:
        host, port, tls, path = split_url(cluster.text("server"))
    except ValueError as error:
        raise CredentialsError(
            f"the kubeconfig's cluster {chosen.text('cluster')!r}: {error}"
        ) from error
    url = cluster.text("proxy-url")
    proxy = (
        parse_proxy(url, "the kubeconfig's proxy-url")
        if url
        else proxy_of(host, port, tls=tls, environment=environment)
    )
    return Access(
        host=host,
        port=port,
        tls=tls,
        path=path,
        authority=cluster.pem("certificate-authority"),
        insecure=cluster.content.get("insecure-skip-tls-verify") is True,
        server_name=cluster.text("tls-server-name"),
        # A context without a user asks as nobody, as kubectl does.
        credentials=_credentials(merged.find("users", user)) if user else ANONYMOUS,
        namespace=chosen.text("namespace") or "default",
        proxy=proxy,
    )


def _credentials(user: _Entry) -> Credentials:
    """In kubectl's order: a token file before a token, then a password, a certificate, a plugin."""
    if user.text("tokenFile"):
        return TokenFile(user.folder / user.text("tokenFile"))
    if user.text("token"):
        return Token(user.text("token"))
    if user.text("username"):
        return Password(user.text("username"), user.text("password"))
    certificate, key = user.pem("client-certificate"), user.pem("client-key")
    if certificate and key:
        return ClientCertificate(certificate, key)
    if isinstance(plugin := user.content.get("exec"), dict):
        return ExecPlugin.of(plugin, user.folder)
    if user.text("auth-provider"):
        raise CredentialsError(
            "the kubeconfig's auth-provider was removed from Kubernetes 1.26; use an exec plugin"
        )
    return ANONYMOUS


def _merge(files: Sequence[Path]) -> _Merged:
    """All files. One that is not there is passed over, if another is."""
    merged, found = _Merged(), False
    for file in files:
        if (content := _read(file)) is None:
            continue
        found = True
        merged.current = merged.current or str(content.get("current-context") or "")
        for section, kind in _SECTIONS.items():
            for entry in _dicts(content.get(section)):
                inner = entry.get(kind)
                named = _Entry(inner if isinstance(inner, dict) else {}, file.absolute().parent)
                merged.sections[section].setdefault(str(entry.get("name", "")), named)
    if not found:
        names = ", ".join(str(file) for file in files)
        raise CredentialsError(f"there is no kubeconfig {names}; set KUBECONFIG")
    return merged


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CredentialsError(f"{file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CredentialsError(f"{file} is no kubeconfig: it is not YAML") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CredentialsError(f"{file} is no kubeconfig: it is not a mapping")
    return content


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
