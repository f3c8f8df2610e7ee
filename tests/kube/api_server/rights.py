"""Who asks, and what they may: tokens with an end, and rules like RBAC's.

Rules are given by a test, and by the Roles and bindings that the server holds (`rbac`). A rule of RBAC grants verbs on resources, in a namespace (a Role's) or everywhere (a ClusterRole's); resourceNames
narrows it to names, and then never grants what has no name: create, or a list of everything.

Source: Kubernetes, "Using RBAC Authorization"; "Authenticating" (401 for a token that is not known).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tests.kube.api_server.failure import Failure, unauthorized
from tests.kube.api_server.request import Asked, Request

ANONYMOUS = "system:anonymous"
ADMIN = "admin"
ADMIN_TOKEN = "the-token-of-the-tests-kubeconfig"
"""Always known, and may do everything."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`namespace` is empty for every one. Empty `names`: any. `*` stands for all verbs or resources."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    namespace: str = ""
    names: tuple[str, ...] = ()
    group: str = ""

    def grants(self, asked: Asked) -> bool:
        return (
            ("*" in self.verbs or asked.verb in self.verbs)
            and ("*" in self.resources or asked.resource in self.resources)
            and self.group in ("*", asked.kind.group)
            and self.namespace in ("", asked.namespace)
            and (not self.names or asked.name in self.names)
        )


EVERYTHING = Rule(verbs=("*",), resources=("*",), group="*")


@dataclass(slots=True)
class Token:
    """`until`: when it ends, by the event loop's clock; None: never. `counts`: whether what it hangs on is still there."""

    user: str
    until: float | None = None
    counts: Callable[[], bool] = lambda: True

    def is_over(self, now: float) -> bool:
        return (self.until is not None and now >= self.until) or not self.counts()


class Rights:
    """Open while a test has given no rules: everybody may do everything, whatever the token. `closed`: never.

    `stored`: what the server's own objects grant a user.
    """

    def __init__(
        self, stored: Callable[[str], tuple[Rule, ...]] = lambda _: (), *, closed: bool = False
    ) -> None:
        self.closed = closed
        self._stored = stored
        self.tokens: dict[str, Token] = {}
        self.rules: dict[str, list[Rule]] = {}

    def grant(self, user: str, *rules: Rule) -> None:
        self.rules.setdefault(user, []).extend(rules)

    def issue(self, token: str, user: str, seconds: float | None = None) -> None:
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self.tokens[token] = Token(user, until)

    def user_of(self, request: Request) -> str:
        """Raises Failure 401 for a token that is unknown or over."""
        scheme, _, text = request.fields.get("authorization", "").partition(" ")
        if text == ADMIN_TOKEN:
            return ADMIN
        if not (self.tokens or self.closed) or (not scheme and not text):
            return ANONYMOUS
        token = self.tokens.get(text)
        now = asyncio.get_running_loop().time()
        if scheme != "Bearer" or token is None or token.is_over(now):
            raise unauthorized()
        return token.user

    def grants(self, user: str, asked: Asked) -> bool:
        return self.may_do_everything(user) or any(
            rule.grants(asked) for rule in self.rules_of(user)
        )

    def may_do_everything(self, user: str) -> bool:
        return user == ADMIN or not (self.rules or self.closed)

    def rules_of(self, user: str) -> tuple[Rule, ...]:
        """All of a user's rules."""
        return (*self.rules.get(user, ()), *self._stored(user))

    def check_without_a_reason(self, user: str, asked: Asked) -> None:
        """As the Pod registry checks `create` for a WebSocket: it says the authorizer's reason, and RBAC gives none."""
        if not self.grants(user, asked):
            message = f'{asked.kind.qualified} "{asked.name}" is forbidden: '
            details = {"name": asked.name, "kind": asked.kind.plural}
            raise Failure(403, "Forbidden", message, details)

    def check(self, user: str, asked: Asked) -> None:
        """Raises Failure 403 for what is not granted."""
        if self.grants(user, asked):
            return
        named = f' "{asked.name}"' if asked.name else ""
        where = (
            f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
        )
        raise Failure(
            403,
            "Forbidden",
            f'{asked.kind.qualified}{named} is forbidden: User "{user}" cannot {asked.verb} resource '
            f'"{asked.resource}" in API group "{asked.kind.group}"{where}',
            {"name": asked.name, "kind": asked.kind.plural},
        )
