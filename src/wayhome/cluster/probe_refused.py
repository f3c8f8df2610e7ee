"""Why a place could not be asked, as a sentence that names what is missing and what helps. Pure."""

import re

from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.one_line import one_line

_RIGHT = re.compile(r'cannot (\w+) resource "([^"]+)"')


class NotAskedError(Exception):
    """A place could not be asked; its text is the sentence."""


def missing_right(error: KubeError, namespace: str) -> str:
    """The right that the user lacks, as a sentence; empty where that is not what is wrong."""
    if not (isinstance(error, RefusedError) and error.code == 403):
        return ""
    found = _RIGHT.search(error.message)
    if not found:
        return ""  # admission says 403 too
    verb, resource = one_line(found[1]), one_line(found[2])
    return f"your rights lack `{verb}` of `{resource}` in the namespace {namespace}"


def not_executed(error: KubeError, namespace: str, where: str) -> NotAskedError:
    """Of `pods/exec`."""
    if right := missing_right(error, namespace):
        return NotAskedError(
            f"{right}, which running the probe in {where} takes (over a WebSocket it is `get`, and from Kubernetes 1.35 on "
            "`create` besides)"
        )
    return NotAskedError(f"the probe could not be run in {where}: {error}")
