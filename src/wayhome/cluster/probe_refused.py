"""Why a place could not be asked, as a sentence that names what is missing and what helps. Pure.

Source: messages of k8s.io/apiserver's authorization filter, and of the Pod registry's check of `create` (from 1.35).
"""

import re

from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.one_line import one_line

_RIGHT = re.compile(r'cannot (\w+) resource "([^"]+)"')
_NO_REASON = re.compile(r'pods "[^"]*" is forbidden:\s*(RBAC: .*)?')
"""What the second check of a WebSocket says, that of `create`: only the authorizer's reason, and RBAC gives none."""


class NotAskedError(Exception):
    """A place could not be asked; its text is the sentence."""


def missing_right(error: KubeError, namespace: str) -> str:
    """The right that the user lacks, as a sentence; empty where that is not what is wrong."""
    if not (isinstance(error, RefusedError) and error.code == 403):
        return ""
    found = _RIGHT.search(error.message)
    if not found:
        return ""  # admission says 403 too
    return _lacking(one_line(found[1]), one_line(found[2]), namespace)


def _lacking(verb: str, resource: str, namespace: str) -> str:
    return f"your rights lack `{verb}` of `{resource}` in the namespace {namespace}"


def not_executed(error: KubeError, namespace: str, where: str) -> NotAskedError:
    """Of `pods/exec`."""
    right = missing_right(error, namespace)
    if isinstance(error, RefusedError) and _NO_REASON.fullmatch(error.message):
        right = _lacking("create", "pods/exec", namespace)
    if right:
        return NotAskedError(
            f"{right}, which running the probe in {where} takes (over a WebSocket it is `get`, and from Kubernetes 1.35 on "
            "`create` besides)"
        )
    return NotAskedError(f"the probe could not be run in {where}: {error}")
