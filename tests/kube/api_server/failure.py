"""Answers that say no, as kube-apiserver words them.

Source: API conventions, "Response Status Kind"; k8s.io/apimachinery, pkg/api/errors.
"""

from tests.kube.api_server.kinds import Kind, Object


class Failure(Exception):  # noqa: N818  # the API's own word for such a Status
    """A Status of failure."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Object | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        self.status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
        if details:
            self.status["details"] = details


def not_found(kind: Kind, name: str) -> Failure:
    details = {"name": name, "kind": kind.plural} | ({"group": kind.group} if kind.group else {})
    return Failure(404, "NotFound", f'{kind.qualified} "{name}" not found', details)


def already_exists(kind: Kind, name: str) -> Failure:
    details = {"name": name, "kind": kind.plural}
    return Failure(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', details)


def conflict(kind: Kind, name: str) -> Failure:
    return Failure(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {kind.qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
        {"name": name, "kind": kind.plural},
    )


def bad_request(message: str) -> Failure:
    return Failure(400, "BadRequest", message)


def invalid(kind: str, name: str, problem: str) -> Failure:
    # kubectl says the causes and not the message.
    field, _, said = problem.partition(": ")
    causes = [{"reason": "FieldValueInvalid", "message": said, "field": field}]
    details = {"name": name, "kind": kind, "causes": causes}
    return Failure(422, "Invalid", f'{kind} "{name}" is invalid: {problem}', details)


def unauthorized() -> Failure:
    return Failure(401, "Unauthorized", "Unauthorized")


def unknown_path() -> Failure:
    return Failure(404, "NotFound", "the server could not find the requested resource")


def expired(version: int, oldest: int) -> Failure:
    return Failure(410, "Expired", f"too old resource version: {version} ({oldest})")


def expired_continue() -> Failure:
    return Failure(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter.",
    )


def too_large(version: int, current: int) -> Failure:
    message = f"Too large resource version: {version}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return Failure(
        504, "Timeout", f"Timeout: {message}", {"causes": [cause], "retryAfterSeconds": 1}, 1
    )
