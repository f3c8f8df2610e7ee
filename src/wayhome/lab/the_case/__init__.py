"""The case: a Pod of a route-based cluster cannot reach a VM behind a VPC peering.

`files` are its exports, of which the network is built, and `phases` what is seen in it; this file adds the programs:
servers, and on both nodes the project's own agent, as the exports' DaemonSet says. `kubernetes` is the same with an API
server, which the agents watch.
"""

from wayhome.clouds.read import read_estate
from wayhome.lab.case import Case
from wayhome.lab.the_case.files import CONFIGURATION, EXPORTS
from wayhome.lab.the_case.phases import (
    ADDRESSES,
    MY_POD,
    NODE_01,
    NODE_02,
    OTHER_POD,
    PHASES,
    TARGET,
    TEST,
)

CLUSTER = "projects/source-project/locations/asia-northeast1-a/clusters/my-gke"


def the_case() -> Case:
    """The case, with its exports read. Raises UnreadableDirectoryError."""
    return Case(
        name="the-case",
        summary=(
            f"my-network 10.1.0.0/16: {NODE_01}, {NODE_02} (Pods in 172.16.0.0/16), {TEST}",
            f"target-network 10.2.0.0/16, peered: {TARGET} {ADDRESSES[TARGET]}",
            "routes to the Pods: one for each node in my-network, none in target-network",
        ),
        estate=read_estate(EXPORTS),
        cluster=CLUSTER,
        servers=(MY_POD, OTHER_POD, TEST, TARGET),
        phases=PHASES,
        files={"config": CONFIGURATION},
        try_next=(
            f"exec {MY_POD} -- curl --max-time 3 http://{ADDRESSES[TARGET]}/health",
            "configmap --from-file {folder}/config",
            f"exec {NODE_02} -- nft list ruleset",
            f"capture {NODE_02} {NODE_02}.pcap --seconds 10",
            "down",
        ),
    )
