"""A Pod, as far as a probe from its network has to know it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.kube.objects import Object, key_of, metadata
from wayhome.kube.one_line import one_line

PREFIX = "wayhome-probe-"
"""What the names of our ephemeral containers begin with."""
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True, slots=True)
class ContainerState:
    """`kind` is `waiting`, `running`, `terminated`, or empty while the kubelet has said nothing."""

    kind: str = ""
    reason: str = ""
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.reason or self.kind, self.message)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One of them."""

    namespace: str
    name: str
    node: str
    phase: str
    ending: bool
    host_network: bool
    static: bool
    windows: bool
    addresses: tuple[str, ...]
    images: dict[str, str]
    """Of its containers, by name and in their order."""
    ephemeral: dict[str, tuple[str, ContainerState]]
    """Its ephemeral containers by name: image and state."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def unfit(self) -> str:
        """Why its network cannot be probed from; empty where it can."""
        if self.phase == "Pending" and not self.node:
            return f"{self} is not scheduled yet"
        if self.phase != "Running" or self.ending:
            return f"{self} does not run (its phase is {'Terminating' if self.ending else self.phase or 'unknown'})"
        if self.host_network:
            return (
                f"{self} has its node's own network (hostNetwork): what it sees is what its node sees, and no agent "
                "decides about its address"
            )
        if self.windows:
            return f"{self} runs Windows, of which no masquerade agent keeps the rules"
        return ""

    @property
    def prober(self) -> str:
        """An ephemeral container of ours that still waits for probes; empty where there is none."""
        for name, (_, state) in self.ephemeral.items():
            if name.startswith(PREFIX) and state.kind == "running":
                return name
        return ""


def read_pod(item: Object) -> Pod:
    """What the API says of it."""
    spec, status = _mapping(item.get("spec")), _mapping(item.get("status"))
    states = {
        str(said.get("name")): _state(said)
        for said in _mappings(status.get("ephemeralContainerStatuses"))
    }
    namespace, name = key_of(item)
    addresses = [str(each.get("ip")) for each in _mappings(status.get("podIPs"))]
    return Pod(
        namespace=namespace,
        name=name,
        node=str(spec.get("nodeName") or ""),
        phase=str(status.get("phase") or ""),
        ending=bool(metadata(item).get("deletionTimestamp")),
        host_network=spec.get("hostNetwork") is True,
        static=_MIRROR in _mapping(metadata(item).get("annotations")),
        windows=_mapping(spec.get("os")).get("name") == "windows",
        addresses=tuple(addresses or filter(None, [str(status.get("podIP") or "")])),
        images={str(c.get("name")): str(c.get("image")) for c in _mappings(spec.get("containers"))},
        ephemeral={
            str(c.get("name")): (
                str(c.get("image")),
                states.get(str(c.get("name")), ContainerState()),
            )
            for c in _mappings(spec.get("ephemeralContainers"))
        },
    )


def _state(status: Object) -> ContainerState:
    state = _mapping(status.get("state"))
    for kind in ("running", "terminated", "waiting"):
        if kind in state:
            said = _mapping(state[kind])
            reason, message = said.get("reason") or "", said.get("message") or ""
            return ContainerState(kind, one_line(str(reason), 60), one_line(str(message)))
    return ContainerState()


def _mappings(value: object) -> Iterator[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())  # fmt: skip


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
