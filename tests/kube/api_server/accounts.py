"""Tokens of service accounts, asked for by TokenRequest, and how long each of them counts.

A token counts until its time is over, its account is gone, or the object is gone that it is bound to. None is stored:
it is said once, in the answer. What is in it is no client's matter, so here it is a random text and no JWT.

Source: Kubernetes, "Managing Service Accounts" (bound tokens), API reference "TokenRequest v1"; the least of 10 minutes:
pkg/apis/authentication/validation; messages as kube-apiserver words them.
"""

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta

from tests.kube.api_server.failure import Failure, bad_request, conflict, invalid, not_found
from tests.kube.api_server.kinds import POD, SECRET, SERVICE_ACCOUNT, Key, Kind, Object
from tests.kube.api_server.request import Asked, Request
from tests.kube.api_server.rights import Rights, Token
from tests.kube.api_server.store import Store

SUBRESOURCE = "token"
LEAST_SECONDS = 600
DEFAULT_SECONDS = 3600
_BOUND_TO = {kind.kind: kind for kind in (POD, SECRET)}


class Accounts:
    """Gives out tokens."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self._store = store
        self._rights = rights

    def token(self, asked: Asked, request: Request) -> Object:
        """The TokenRequest with its answer. Raises Failure."""
        wanted = json.loads(request.body or b"{}")
        if not isinstance(wanted, dict):
            raise bad_request("the body is no object")
        spec = wanted.get("spec") or {}
        seconds = spec.get("expirationSeconds", DEFAULT_SECONDS)
        if type(seconds) is not int or seconds < LEAST_SECONDS:
            raise invalid(
                "TokenRequest",
                asked.name,
                f"spec.expirationSeconds: Invalid value: {seconds}: may not specify a duration less than 10 minutes",
            )
        needed = [self._needed(SERVICE_ACCOUNT, (asked.namespace, asked.name))]
        if bound := spec.get("boundObjectRef"):
            needed.append(self._bound(asked.namespace, bound))
        text = secrets.token_urlsafe(48)
        until = asyncio.get_running_loop().time() + seconds
        user = f"system:serviceaccount:{asked.namespace}:{asked.name}"
        self._rights.tokens[text] = Token(user, until, lambda: all(map(self._is_there, needed)))
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        status = {"token": text, "expirationTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": asked.name, "namespace": asked.namespace},
            "spec": {**spec, "expirationSeconds": seconds},
            "status": status,
        }

    def _bound(self, namespace: str, reference: Object) -> tuple[Kind, Key, str]:
        kind = _BOUND_TO.get(reference.get("kind", ""))
        if kind is None or reference.get("apiVersion", "v1") != kind.api_version:
            raise bad_request(f"cannot bind token for serviceaccount to object of type {reference}")
        found = self._needed(kind, (namespace, reference.get("name", "")))
        if reference.get("uid") not in (None, "", found[2]):
            raise conflict(kind, found[1][1])
        return found

    def _needed(self, kind: Kind, key: Key) -> tuple[Kind, Key, str]:
        item = self._store.get(kind, key)
        if item is None:
            raise not_found(kind, key[1])
        return kind, key, item["metadata"]["uid"]

    def _is_there(self, needed: tuple[Kind, Key, str]) -> bool:
        kind, key, uid = needed
        item = self._store.get(kind, key)
        return item is not None and item["metadata"]["uid"] == uid


def impersonated(rights: Rights, user: str, request: Request) -> str:
    """Who asks, where the request says that it is for somebody else (`kubectl --as`). Raises Failure 403."""
    other = request.fields.get("impersonate-user", "")
    if not other or rights.may_do_everything(user):
        return other or user
    raise Failure(
        403,
        "Forbidden",
        f'users "{other}" is forbidden: User "{user}" cannot impersonate resource "users" in API group "" at the '
        "cluster scope",
        {"name": other, "kind": "users"},
    )
