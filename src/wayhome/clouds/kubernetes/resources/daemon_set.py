"""DaemonSets: whether a masquerade agent runs, with which arguments, and which ConfigMap it mounts."""

from typing import ClassVar

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject, LabelSelector
from wayhome.clouds.resource import Part


class KeyToPath(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A key of a ConfigMap, and the file that it becomes."""

    key: str
    path: str


class ConfigMapVolume(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A ConfigMap as a folder. With `items`, other keys are left out."""

    name: str = ""
    optional: bool = False
    items: tuple[KeyToPath, ...] | None = None


class Volume(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A volume; those of Secrets are not looked at."""

    name: str
    config_map: ConfigMapVolume | None = None


class VolumeMount(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Where a container sees a volume."""

    name: str
    mount_path: str = ""
    sub_path: str = ""


class AgentContainer(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A container with its command line, and without its environment."""

    name: str
    image: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None


class AgentPodSpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The Pods that it makes."""

    containers: tuple[AgentContainer, ...] = ()
    volumes: tuple[Volume, ...] | None = None
    node_selector: dict[str, str] | None = None
    host_network: bool = False


class TemplateMetadata(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The labels of the Pods that it makes."""

    labels: dict[str, str] | None = None


class PodTemplate(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The template."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: AgentPodSpec = AgentPodSpec()


class DaemonSetSpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What is wanted."""

    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()


class DaemonSetStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What is there. With no nodes that it wants, it is installed and does nothing."""

    desired_number_scheduled: int = 0
    number_ready: int = 0


class DaemonSet(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A DaemonSet."""

    KIND: ClassVar[str] = "DaemonSet"
    COLLECTION: ClassVar[str] = "daemonsets"

    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()
