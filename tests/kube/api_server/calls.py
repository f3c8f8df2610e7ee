"""What was asked of the server: by whom, for what, and how it was answered."""

from dataclasses import dataclass

from tests.kube.api_server.request import Asked


@dataclass(slots=True)
class Call:
    """`code` is 0 where nothing was answered. `at`: seconds of the event loop's clock."""

    at: float
    user: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    version: str
    code: int = 0

    @classmethod
    def of(cls, at: float, user: str, asked: Asked, version: str) -> "Call":
        kind = asked.kind
        return cls(
            at, user, asked.verb, kind.group, asked.resource, asked.namespace, asked.name, version
        )
