"""The resource types that are served."""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """`fields`: what a field selector may name besides metadata.name and metadata.namespace."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = False
    subresources: tuple[str, ...] = ()
    """Others than status."""
    short: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    custom: bool = False
    """Served while a CustomResourceDefinition of its name is there, and not otherwise."""
    verbs: tuple[str, ...] = ("create", "delete", "get", "list", "patch", "update", "watch")
    top: tuple[str, ...] = ("spec", "status")
    """Fields beside apiVersion, kind and metadata; others are dropped, as an API server drops what it does not know."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


CONFIG_MAP = Kind(
    "", "v1", "configmaps", "ConfigMap", short=("cm",), top=("data", "binaryData", "immutable")
)
EVENT = Kind(
    "",
    "v1",
    "events",
    "Event",
    short=("ev",),
    fields=(
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "reason",
        "type",
    ),
    top=(
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "series",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ),
)
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False, status=True, short=("ns",))
NODE = Kind(
    "",
    "v1",
    "nodes",
    "Node",
    namespaced=False,
    status=True,
    short=("no",),
    fields=("spec.unschedulable",),
)
POD = Kind(
    "",
    "v1",
    "pods",
    "Pod",
    status=True,
    subresources=("exec", "ephemeralcontainers"),
    short=("po",),
    fields=("spec.nodeName", "status.phase", "status.podIP"),
)
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease", top=("spec",))
DAEMON_SET = Kind("apps", "v1", "daemonsets", "DaemonSet", status=True, short=("ds",))
DEFINITION = Kind(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    status=True,
    short=("crd",),
)
SERVICE_ACCOUNT = Kind(
    "",
    "v1",
    "serviceaccounts",
    "ServiceAccount",
    subresources=("token",),
    short=("sa",),
    top=("secrets", "imagePullSecrets", "automountServiceAccountToken"),
)
SECRET = Kind("", "v1", "secrets", "Secret", top=("data", "stringData", "type", "immutable"))
RESOURCE_QUOTA = Kind("", "v1", "resourcequotas", "ResourceQuota", status=True, short=("quota",))
JOB = Kind("batch", "v1", "jobs", "Job", status=True)
_RBAC = ("rbac.authorization.k8s.io", "v1")
_BINDING = ("subjects", "roleRef")
ROLE = Kind(*_RBAC, "roles", "Role", top=("rules",))
ROLE_BINDING = Kind(*_RBAC, "rolebindings", "RoleBinding", top=_BINDING)
CLUSTER_ROLE = Kind(
    *_RBAC, "clusterroles", "ClusterRole", namespaced=False, top=("rules", "aggregationRule")
)
CLUSTER_ROLE_BINDING = Kind(
    *_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False, top=_BINDING
)
_REVIEW = ("authorization.k8s.io", "v1")
OWN_ACCESS_REVIEW = Kind(
    *_REVIEW,
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    namespaced=False,
    verbs=("create",),
)
OWN_RULES_REVIEW = Kind(
    *_REVIEW,
    "selfsubjectrulesreviews",
    "SelfSubjectRulesReview",
    namespaced=False,
    verbs=("create",),
)
ACCESS_REVIEW = Kind(
    *_REVIEW, "subjectaccessreviews", "SubjectAccessReview", namespaced=False, verbs=("create",)
)
EGRESS_NAT_POLICY = Kind(
    "networking.gke.io",
    "v1",
    "egressnatpolicies",
    "EgressNATPolicy",
    namespaced=False,
    custom=True,
)

KINDS = (
    CONFIG_MAP,
    EVENT,
    NAMESPACE,
    NODE,
    POD,
    LEASE,
    DAEMON_SET,
    JOB,
    RESOURCE_QUOTA,
    SECRET,
    SERVICE_ACCOUNT,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    OWN_ACCESS_REVIEW,
    OWN_RULES_REVIEW,
    ACCESS_REVIEW,
    DEFINITION,
    EGRESS_NAT_POLICY,
)
