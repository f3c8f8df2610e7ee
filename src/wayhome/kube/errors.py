"""What can come of a request besides an answer.

The kinds differ in what is known and what can be done: the API server could not be spoken with (`UnreachableError`),
it answered no (`RefusedError`), its answer means nothing, or we could not even ask. The texts come from the network and are made printable where they are raised.

Source: Kubernetes API concepts ("410 Gone", "Unavailable resource versions"), API conventions ("Response Status Kind").
"""

import json

from wayhome.kube.objects import Object
from wayhome.kube.one_line import one_line


class KubeError(Exception):
    """Any of them; its text is a sentence for people."""


class UnreachableError(KubeError):
    """Nothing was understood of the API server: no connection, no trust, no answer in time, or not HTTP."""


class NonsenseError(KubeError):
    """The API server's answer is well transported and means nothing: no JSON, no list, no event."""


class CredentialsError(KubeError):
    """What proves who we are cannot be had: no token file, a plugin that fails."""


class NameRefusedError(KubeError):
    """We do not ask: what is asked for has a name that leads somewhere else."""


class RefusedError(KubeError):
    """The API server's answer, or an ERROR event of a watch, is a failure."""

    def __init__(
        self, code: int, reason: str, message: str, retry_after: float | None, *, too_new: bool
    ) -> None:
        """`reason` is the API's word for it, such as `AlreadyExists`. `retry_after`: seconds, None if not said."""
        super().__init__(f"the API server says {code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.too_new = too_new
        """The resourceVersion is one that this server has never seen: it was restored from a backup, or lags."""

    @property
    def expired(self) -> bool:
        """The resourceVersion is one that the server has forgotten: list again."""
        return self.code == 410

    @property
    def stands(self) -> bool:
        """The same request is refused until somebody changes something: rights, a namespace, or the request."""
        return self.code in (400, 403, 404, 422)


def refusal(code: int, body: bytes, retry_after: str | None = None) -> RefusedError:
    """The error in a response: a Status as JSON, or text (what the server's front door says before it has read)."""
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        status = None
    if not isinstance(status, dict):
        text = body.decode("utf-8", "replace").strip() or "no more than that"
        status = {"code": code, "message": text}
    return refusal_of(status, code, retry_after)


def refusal_of(status: Object, code: int = 500, retry_after: str | None = None) -> RefusedError:
    """The error in a Status. `code` is HTTP's, for a Status that has none."""
    said = status.get("code")
    details = status.get("details")
    details = details if isinstance(details, dict) else {}
    causes = details.get("causes")
    return RefusedError(
        said if isinstance(said, int) and not isinstance(said, bool) else code,
        one_line(str(status.get("reason") or ""), 60) or "without a reason",
        one_line(str(status.get("message") or "")),
        _seconds(retry_after, details.get("retryAfterSeconds")),
        too_new=isinstance(causes, list)
        and any(
            isinstance(c, dict) and c.get("reason") == "ResourceVersionTooLarge" for c in causes
        ),
    )


def _seconds(*candidates: object) -> float | None:
    """Retry-After in seconds. It may be a date too (RFC 9110, 10.2.3); no API server sends one."""
    for candidate in candidates:
        text = str(candidate)
        if text.isascii() and text.isdigit() and int(text) > 0:
            return float(min(int(text), 3600))
    return None
