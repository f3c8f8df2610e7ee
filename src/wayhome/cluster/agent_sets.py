"""Which DaemonSets keep masquerade rules, and what each of them reads. Pure.

They are known by what they run and what they mount, not by where somebody has put them: a container whose image or
command is an agent's, or a volume of the ConfigMap. wayhome in the place of upstream's agent keeps that DaemonSet's
name, so names count least.

Whoever may make a DaemonSet in some namespace can make one that looks like ours and reads his own ConfigMap. So those in
the namespaces of agents come first, and where ours contradict each other, nothing is written by what one of them says.
What is no name of a ConfigMap, a key or a namespace is not taken for one: an agent with such a flag does not begin.

Sources: kubernetes-sigs/ip-masq-agent and Azure/ip-masq-agent-v2, their manifests; GKE, "Configure an IP masquerade
agent"; Cilium, "IPv4 masquerading, ip-masq-agent".
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wayhome.kube.names import is_key, is_name, is_namespace
from wayhome.kube.objects import Key, Object, key_of, metadata
from wayhome.kube.one_line import one_line
from wayhome.policy import Settings

DEFAULT_CONFIGMAP: Key = ("kube-system", "ip-masq-agent")
HOMES = frozenset({"kube-system", "wayhome"})
"""Namespaces in which nobody but those who run the cluster makes a DaemonSet."""
_COMMANDS = frozenset({"clean", "await-daemonset", "probe", "query"})
_IDLE = frozenset({"sleep", "pause", "true"})
_MANAGED_LABEL = "addonmanager.kubernetes.io/mode"


class Maker(enum.Enum):
    """Whose agent it is."""

    WAYHOME = "wayhome"
    UPSTREAM = "upstream's"
    AZURE = "Azure's"
    CILIUM = "Cilium"
    UNKNOWN = "an unknown one"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSet:
    """A DaemonSet of agents."""

    namespace: str
    name: str
    maker: Maker
    managed: bool = False
    """A cloud keeps it, and puts it back where it is changed."""
    arguments: tuple[str, ...] = ()
    selector: Mapping[str, str]
    """The nodeSelector of its Pods."""
    configmaps: tuple[Key, ...] = ()
    """What it reads: through the API if it is told to, else by a volume."""
    scheduled: int | None = None
    """How many nodes it is to run on, by its own status."""

    @property
    def tells(self) -> bool:
        """Whether its agents say in Leases what they hold: wayhome's do where they read the API."""
        return self.maker is Maker.WAYHOME and self.argument("configmap") is not None

    def argument(self, name: str) -> str | None:
        """The value of a flag, as Go writes flags: one dash or two; empty for one without a value."""
        for at, word in enumerate(self.arguments):
            flag, equals, value = word.lstrip("-").partition("=")
            if not word.startswith("-") or flag != name:
                continue
            following = self.arguments[at + 1 : at + 2]
            if equals or not following or following[0].startswith("-"):
                return value
            return following[0]
        return None

    @property
    def status_namespace(self) -> str | None:
        """Where its agents keep their Leases; None where no flag says it, or none that is a namespace."""
        said = self.argument("status-namespace")
        return said if said and is_namespace(said) else None

    @property
    def data_key(self) -> str | None:
        """The ConfigMap's key that its agents read; None where no flag says it, or none that can be one."""
        said = self.argument("configmap-key")
        return said if said and is_key(said) else None

    def __str__(self) -> str:
        managed = ", managed" if self.managed else ""
        return f"DaemonSet {self.namespace}/{self.name} ({self.maker.value}{managed})"


def agent_sets(daemon_sets: Iterable[Object], configmap_name: str) -> tuple[AgentSet, ...]:
    """Those among DaemonSets that keep masquerade rules. wayhome's come first."""
    found = [each for item in daemon_sets if (each := _agent_set(item, configmap_name))]
    return tuple(sorted(found, key=_order))


def _order(each: AgentSet) -> tuple[bool, bool, str]:
    return each.maker is not Maker.WAYHOME, each.namespace not in HOMES, str(each)


def contradiction(sets: Sequence[AgentSet], configmap: Key | None, namespace: str | None) -> str:
    """Why it is not known which ConfigMap counts, or where the Leases are; empty where it is, or is given."""
    telling = [each for each in sets if each.tells]
    if configmap is None and len({each.configmaps for each in telling}) > 1:
        return _different(telling, "configmap")
    readers = [each for each in telling if configmap is None or configmap in each.configmaps]
    if namespace is None and len({each.argument("status-namespace") for each in readers}) > 1:
        return _different(readers, "status-namespace")
    return ""


def _different(sets: Sequence[AgentSet], flag: str) -> str:
    said = ", ".join(f"{each} has --{flag}={each.argument(flag) or ''}" for each in sets)
    return (
        f"agents contradict each other: {one_line(said, 300)}; say with --{flag} which one counts"
    )


def configmap_of(sets: Sequence[AgentSet]) -> Key:
    """The ConfigMap that the agents read; where they do not say it, everybody's."""
    return next((each.configmaps[0] for each in sets if each.configmaps), DEFAULT_CONFIGMAP)


def settings_of(each: AgentSet) -> Settings:
    """How its agents read their configuration, by its flags."""
    ipv6 = _switch(each.argument("enable-ipv6"))
    if ipv6 is None and not each.tells:
        ipv6 = False
    reserved = _switch(each.argument("nomasq-all-reserved-ranges"))
    return Settings(ipv6=ipv6, all_reserved_ranges=bool(reserved))


def _switch(value: str | None) -> bool | None:
    return None if value is None else value.lower() in ("", "1", "t", "true")


def _agent_set(item: Object, configmap_name: str) -> AgentSet | None:
    namespace, name = key_of(item)
    pod = _mapping(_mapping(_mapping(item.get("spec")).get("template")).get("spec"))
    mounted = tuple((namespace, each) for each in _mounted(pod, configmap_name))
    for container in _mappings(pod.get("containers")):
        maker = _maker(container, name)
        if maker is None and (namespace, configmap_name) in mounted:
            maker = Maker.CILIUM if name == "cilium" else Maker.UNKNOWN
        if maker is None:
            continue
        words = tuple(
            str(word) for part in ("command", "args") for word in _listed(container.get(part))
        )
        labels = _mapping(metadata(item).get("labels"))
        found = AgentSet(
            namespace=namespace,
            name=name,
            maker=maker,
            managed=_MANAGED_LABEL in labels or "kubernetes.azure.com/managedby" in labels,
            arguments=words,
            selector={k: str(v) for k, v in _mapping(pod.get("nodeSelector")).items()},
            scheduled=_count(_mapping(item.get("status")).get("desiredNumberScheduled")),
        )
        return _reading(found, mounted)
    return None


def _reading(found: AgentSet, mounted: tuple[Key, ...]) -> AgentSet:
    named = found.argument("configmap")
    keys = tuple(filter(None, map(_key, named.split(",")))) if named else mounted
    return replace(found, configmaps=keys)


def _maker(container: Object, set_name: str) -> Maker | None:
    image = str(container.get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    words = [str(w) for part in ("command", "args") for w in _listed(container.get(part))]
    program = words[0].rpartition("/")[2] if words else ""
    names = {image, str(container.get("name", "")), set_name}
    if _COMMANDS.intersection(words[:2]) or program in _IDLE:
        return None  # the same image for another purpose: what cleans a node keeps no rules
    if image.startswith("wayhome") or program in ("wayhome", "wayhome-agent"):
        return Maker.WAYHOME
    if "wayhome-agent" in names:
        return Maker.WAYHOME
    if image.startswith("ip-masq-agent-v2") or "azure-ip-masq-agent" in names:
        return Maker.AZURE
    if image.startswith("ip-masq-agent") or "ip-masq-agent" in names or program == "ip-masq-agent":
        return Maker.UPSTREAM
    return None


def _mounted(pod: Object, wanted: str) -> Iterator[str]:
    """The names of the ConfigMaps in its volumes, projected ones too, that look like an agent's configuration."""
    for volume in _mappings(pod.get("volumes")):
        projected = _mappings(_mapping(volume.get("projected")).get("sources"))
        for source in (volume, *projected):
            name = _mapping(source.get("configMap")).get("name")
            if isinstance(name, str) and is_name(name) and (name == wanted or "ip-masq" in name):
                yield name


def _key(word: str) -> Key | None:
    namespace, slash, name = word.strip().rpartition("/")
    namespace = namespace if slash else DEFAULT_CONFIGMAP[0]
    return (namespace, name) if is_namespace(namespace) and is_name(name) else None


def _count(value: object) -> int | None:
    return value if type(value) is int else None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> list[Object]:
    return [item for item in _listed(value) if isinstance(item, dict)]


def _mapping(value: object) -> Object:
    return value if isinstance(value, dict) else {}
