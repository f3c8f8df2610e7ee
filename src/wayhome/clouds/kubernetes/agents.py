"""Masquerade agents in a cluster, as its DaemonSets say: which program, which flags, and where it reads its list.

An agent reads a file, and what the file holds is decided by three places: the DaemonSet's own namespace, the ConfigMap
that its volume names, and the key that becomes the file. A ConfigMap of the right name in another namespace, or with
another key, is read by nobody; here it turns out which one would be.

An agent that watches the API (`--configmap`) names its ConfigMaps itself.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from wayhome.clouds.kubernetes.resources.daemon_set import (
    AgentContainer,
    AgentPodSpec,
    ConfigMapVolume,
    DaemonSet,
)
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.network.evidence import Evidence
from wayhome.policy import Settings
from wayhome.prefixes import Prefix, PrefixError

UPSTREAM_FILE = PurePosixPath("/etc/config/ip-masq-agent")
"""Where upstream's agent reads; it has no flag for that."""
DEFAULT_NAME, DEFAULT_KEY = "ip-masq-agent", "config"
SYSTEM_NAMESPACE = "kube-system"


class Program(enum.Enum):
    """Whose agent it is. Azure's unites several files."""

    UPSTREAM = "ip-masq-agent"
    AZURE = "ip-masq-agent-v2"
    WAYHOME = "wayhome"


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """A ConfigMap that an agent reads, and the key; without a key all whose names begin with ip-masq (Azure's)."""

    namespace: str
    name: str
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent as its DaemonSet says."""

    program: Program
    daemon_set: Located[DaemonSet]
    settings: Settings
    """Without the Pod ranges of a node, which only the node knows."""
    scope_of_pods: bool
    sources: tuple[ConfigSource, ...]
    flags: Mapping[str, str]
    """All of its command line, by name without dashes. They are anybody's text."""

    @property
    def watches_api(self) -> bool:
        """Whether it asks the API server for its ConfigMaps; else it reads files."""
        return bool(self.flags.get("configmap"))

    @property
    def evidence(self) -> Evidence:
        """The container's place in the DaemonSet."""
        return self.daemon_set.at("spec", "template", "spec", "containers")

    def runs_on(self, node: Located[Node]) -> bool:
        """Whether its node selector takes the node. Agents tolerate every taint."""
        wanted = self.daemon_set.value.spec.template.spec.node_selector or {}
        labels = node.value.metadata.labels or {}
        return all(labels.get(label) == value for label, value in wanted.items())


def agents_of(daemon_sets: Mapping[str, Located[DaemonSet]]) -> Iterator[Agent]:
    """The masquerade agents among some DaemonSets."""
    for daemon_set in daemon_sets.values():
        spec = daemon_set.value.spec.template.spec
        for container in spec.containers:
            program = program_of(container.image)
            if program:
                yield _agent(program, daemon_set, spec, container)
                break


def program_of(image: str) -> Program | None:
    """Whose agent an image is, by its name; None: no masquerade agent."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if name.startswith("ip-masq-agent-v2"):
        return Program.AZURE
    if name.startswith("ip-masq-agent"):
        return Program.UPSTREAM
    return Program.WAYHOME if name.startswith("wayhome-agent") else None


def _agent(
    program: Program,
    daemon_set: Located[DaemonSet],
    spec: AgentPodSpec,
    container: AgentContainer,
) -> Agent:
    flags = _flags((*(container.command or ()), *(container.args or ())))
    if flags.get("dialect") == "azure":
        program = Program.AZURE
    pod_cidrs = _prefixes(flags.get("pod-cidrs", ""))
    native = program is Program.WAYHOME and "agent" in (container.command or ())
    in_scope = flags.get("scope", "pods" if pod_cidrs or (native and "configmap" in flags) else "")
    return Agent(
        program=program,
        daemon_set=daemon_set,
        settings=Settings(
            ipv6=_ipv6(flags, pods=in_scope == "pods"),
            all_reserved_ranges=_is_true(flags.get("nomasq-all-reserved-ranges", "false")),
            pod_cidrs=pod_cidrs or None,
        ),
        scope_of_pods=in_scope == "pods",
        sources=_sources(program, daemon_set, spec, container, flags),
        flags=flags,
    )


def _ipv6(flags: Mapping[str, str], *, pods: bool) -> bool | None:
    """In the scope of Pods it follows from the lists and the ranges, unless the flag says it."""
    if pods and "enable-ipv6" not in flags:
        return None
    return _is_true(flags.get("enable-ipv6", "false"))


def _sources(
    program: Program,
    daemon_set: Located[DaemonSet],
    spec: AgentPodSpec,
    container: AgentContainer,
    flags: Mapping[str, str],
) -> tuple[ConfigSource, ...]:
    if named := flags.get("configmap", ""):
        key = flags.get("configmap-key", DEFAULT_KEY)
        return tuple(
            ConfigSource(namespace or SYSTEM_NAMESPACE, name, key)
            for namespace, _, name in (one.rpartition("/") for one in named.split(","))
        )
    path = PurePosixPath(flags.get("config", "")) if flags.get("config") else UPSTREAM_FILE
    namespace = daemon_set.value.metadata.namespace
    volumes = {volume.name: volume.config_map for volume in spec.volumes or ()}
    found = []
    for mount in container.volume_mounts or ():
        volume = volumes.get(mount.name)
        if volume is None:
            continue
        if program is Program.AZURE:
            found.append(ConfigSource(namespace, volume.name, None))
        elif PurePosixPath(mount.mount_path) == path:
            found.append(ConfigSource(namespace, volume.name, _key(volume, mount.sub_path)))
        elif PurePosixPath(mount.mount_path) == path.parent:
            found.append(ConfigSource(namespace, volume.name, _key(volume, path.name)))
    return tuple(found)


def _key(volume: ConfigMapVolume, file: str) -> str:
    """The key that becomes a file of this name."""
    for item in volume.items or ():
        if item.path == file:
            return item.key
    return file


def _flags(words: tuple[str, ...]) -> dict[str, str]:
    """`--flag`, `--flag=value` and `--flag value`, with one dash or two; the last one counts."""
    found: dict[str, str] = {}
    for position, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        following = words[position + 1] if position + 1 < len(words) else "-"
        if not equals:
            value = following if name in _WITH_VALUE and not following.startswith("-") else "true"
        found[name] = value
    return found


_WITH_VALUE = {
    "config",
    "configmap",
    "configmap-key",
    "dialect",
    "pod-cidrs",
    "scope",
    "masq-chain",
}


def _is_true(value: str) -> bool:
    return value.casefold() in {"1", "t", "true"}


def _prefixes(text: str) -> tuple[Prefix, ...]:
    found = []
    for one in filter(None, text.split(",")):
        try:
            found.append(Prefix.parse(one.strip()))
        except PrefixError:
            return ()
    return tuple(found)
