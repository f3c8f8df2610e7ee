"""What tests do to the server by hand, as another client would, and what a listener has heard."""

import json
from dataclasses import dataclass, field

from tests.kube.api_server.kinds import CONFIG_MAP, Kind, Object
from tests.kube.api_server.request import Asked, Request
from tests.kube.api_server.server import ApiServer

from wayhome.kube.collection import Change
from wayhome.kube.errors import KubeError

NAMESPACE = "kube-system"
NAME = "ip-masq-agent"


def put(server: ApiServer, text: str | None, name: str = NAME, key: str = "config") -> Object:
    """Write a ConfigMap; None: without data."""
    return write(server, CONFIG_MAP, name, {"data": {} if text is None else {key: text}})


def write(
    server: ApiServer, kind: Kind, name: str, item: Object, namespace: str = NAMESPACE
) -> Object:
    """Make or replace an object."""
    where = namespace if kind.namespaced else ""
    body = {**item, "metadata": {**item.get("metadata", {}), "name": name}}
    there = server.store.get(kind, (where, name)) is not None
    verb = "update" if there else "create"
    asked = Asked(verb, kind, where, name if there else "", "")
    request = Request("PUT", "", {}, {"user-agent": "kubectl/v1.36.0"}, json.dumps(body).encode())
    return server.writes.update(asked, request) if there else server.writes.create(asked, request)


def remove(server: ApiServer, name: str = NAME) -> None:
    if server.store.get(CONFIG_MAP, (NAMESPACE, name)) is not None:
        server.store.remove(CONFIG_MAP, (NAMESPACE, name))


@dataclass(slots=True)
class Heard:
    """A listener that remembers."""

    changes: list[Change] = field(default_factory=list)
    errors: list[KubeError] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def changed(self, change: Change) -> None:
        self.changes.append(change)
        self.said.append("changed")

    def current(self) -> None:
        self.said.append("current")

    def failed(self, error: KubeError) -> None:
        self.errors.append(error)
        self.said.append("failed")

    @property
    def texts(self) -> list[str | None]:
        """The ConfigMap's text after each change; None: gone."""
        return [c.item["data"].get("config") if c.item else None for c in self.changes]
