"""A request, and what it asks for: the verb, the resource and the name that RBAC judges.

Source: Kubernetes, "Authorization Overview", "Determine the Request Verb"; a list or watch by the field metadata.name
counts as one of that name (API concepts; k8s.io/apiserver, pkg/endpoints/request).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.kube.api_server.failure import bad_request, unknown_path
from tests.kube.api_server.kinds import KINDS, Kind
from tests.kube.api_server.selectors import field_terms

VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Request:
    """Names of fields in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    fields: Mapping[str, str]
    body: bytes
    repeated: tuple[tuple[str, str], ...] = ()
    """The query as it stands: of a name that stands there twice, `query` has the last."""

    @classmethod
    def of(cls, method: str, target: str, fields: Mapping[str, str], body: bytes) -> "Request":
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True)
        return cls(method, parts.path, dict(query), fields, body, tuple(query))

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a name, in their order."""
        return tuple(value for found, value in self.repeated if found == name)

    def flag(self, name: str) -> bool:
        """As Go's strconv.ParseBool reads it."""
        return self.query.get(name, "").lower() in ("1", "t", "true")

    @property
    def manager(self) -> str:
        """Who is written into managedFields: as asked for, or what the user agent begins with."""
        agent = self.fields.get("user-agent", "").partition("/")[0] or "unknown"
        return self.query.get("fieldManager") or agent


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of which resource; `name` is empty where a whole collection is meant."""

    verb: str
    kind: Kind
    namespace: str
    name: str
    subresource: str

    @property
    def resource(self) -> str:
        """As RBAC rules name it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def asked(request: Request) -> Asked:
    """Raises Failure where the path or the method is none of the API's."""
    parts = [unquote(part) for part in request.path.strip("/").split("/")]
    group, version, rest = _group(parts)
    namespace = ""
    # The namespaces themselves are a resource, and their status is one of theirs.
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] != "status":
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", ""][:3]
    kind = next(
        (k for k in KINDS if (k.group, k.version, k.plural) == (group, version, plural)), None
    )
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise unknown_path()
    status = ("status",) if kind.status else ()
    if subresource and subresource not in (*status, *kind.subresources):
        raise unknown_path()
    verb = VERBS.get(request.method)
    if (
        verb is None
        or (verb in ("update", "patch", "delete") and not name)
        or (verb == "create" and name and subresource != "token")
        or (subresource == "token" and verb != "create")
    ):
        raise unknown_path()
    if name and kind.namespaced and not namespace:
        raise unknown_path()
    if verb == "get" and not name:
        verb = "watch" if request.flag("watch") else "list"
        name = _selected(request)
    if not subresource and verb not in kind.verbs:
        raise unknown_path()
    return Asked(verb, kind, namespace, name, subresource)


def _group(parts: list[str]) -> tuple[str, str, list[str]]:
    if parts[0] == "api" and len(parts) >= 3:
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) >= 4:
        return parts[1], parts[2], parts[3:]
    raise unknown_path()


def _selected(request: Request) -> str:
    for field, operator, value in field_terms(request.query.get("fieldSelector", "")):
        if field == "metadata.name" and operator != "!=":
            return value
    return ""


def version_of(request: Request) -> int | None:
    """The resourceVersion asked for; None for none. Raises Failure."""
    text = request.query.get("resourceVersion", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise bad_request(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing')
    return int(text)
