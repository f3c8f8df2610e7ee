"""The control of `proxy-vm`: nginx as a Pod. It has a Pod's address, so the destination cannot answer it either."""

from collections.abc import Iterator

from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.kubernetes.resources.pod import Pod, PodAddress, PodSpec, PodStatus
from wayhome.clouds.proxy import Proxy
from wayhome.clouds.values import IpAddress
from wayhome.diagnosis.gcloud import made
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.free import free_pod_address
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Family

KIND = "proxy-pod"
NAME = "proxy-to-destination"


def proxy_pod(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Have the Pod ask a proxy that is a Pod of the same node."""
    source = PodSource.of(situation)
    flow = situation.asked.flow
    if source is None or isinstance(source, Missing) or flow.port is None:
        return
    address = free_pod_address(situation.estate, source.node)
    if address is None or flow.destination.family is not Family.IPV4:
        return
    namespace = source.pod.value.metadata.namespace
    name = f"{source.cluster}/k8s/namespaces/{namespace}/pods/{NAME}"
    ip = IpAddress(str(address))
    pod = Pod(
        metadata=Metadata(name=NAME, namespace=namespace),
        spec=PodSpec(node_name=source.node.value.metadata.name),
        status=PodStatus(phase="Running", pod_ip=ip, pod_ips=(PodAddress(ip=ip),)),
    )
    proxy = Proxy(
        host=name,
        program="nginx",
        protocol=str(flow.protocol),
        port=flow.port,
        upstream=IpAddress(str(flow.destination)),
    )
    yield Proposal(
        kind=KIND,
        summary=f"the Pod asks a proxy that is a Pod too, instead of {flow.destination}",
        changes=Changes(created=(made(name, pod), made(f"{name}/proxies/{flow.port}", proxy))),
        commands=(),
        undo=(),
        control=True,
        question=Question(situation.question.source, str(address), flow.protocol, flow.port),
    )
