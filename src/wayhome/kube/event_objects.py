"""The Event that says what is wrong with a ConfigMap, where `kubectl describe configmap` shows it. Pure.

Every node finds the same error in the same version. So the Event's name is made of what it says: the object's uid and
resourceVersion, and the error; whoever creates it first has said it for all, and the others are answered 409.

It is a core/v1 Event: `describe` finds it by `involvedObject`, and the API server keeps it for an hour.

Source: Kubernetes API reference, "Event v1"; ValidateEvent in pkg/apis/core/validation/events.go (the namespaces of an
Event and of its object are one, a message has at most 1,024 characters).
"""

import hashlib
from datetime import datetime

from wayhome.kube.objects import Object, ObjectVersion
from wayhome.kube.one_line import one_line
from wayhome.kube.resources import EVENTS
from wayhome.kube.timestamps import second_time

COMPONENT = "wayhome-agent"
REJECTED = "Rejected"
LONGEST_MESSAGE = 1024
_LONGEST_NAME = 253


def rejected_event(
    about: ObjectVersion, error: str, *, node: str, pod: str, now: datetime
) -> Object:
    """`error`: what is wrong, at which line, and what to write. `node` and `pod`: who says so; empty if not known."""
    when = second_time(now)
    return {
        "apiVersion": EVENTS.api_version,
        "kind": "Event",
        "metadata": {"name": event_name(about, error), "namespace": about.namespace},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
            "resourceVersion": about.version,
        },
        "type": "Warning",
        "reason": REJECTED,
        "message": one_line(error, LONGEST_MESSAGE),
        "source": {"component": COMPONENT} | ({"host": node} if node else {}),
        "reportingComponent": COMPONENT,
        "reportingInstance": pod or node,
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }


def event_name(about: ObjectVersion, error: str) -> str:
    """The same for whoever says the same of the same version."""
    said = f"{about.uid}\0{about.version}\0{error}".encode("utf-8", "surrogatepass")
    suffix = f".{hashlib.sha256(said).hexdigest()[:16]}"
    return about.name[: _LONGEST_NAME - len(suffix)].rstrip("-.") + suffix
