"""The case: a Pod of a route-based cluster cannot reach a VM behind a VPC peering.

`network` is what there is, `phases` what is seen in it; this file adds the programs: servers, and on both nodes the
project's own agent, as its DaemonSet runs it. `kubernetes` is the same with an API server, which the agents watch.
"""

import sys

from wayhome.lab.case import Case, Places
from wayhome.lab.programs import Program
from wayhome.lab.the_case.network import (
    ADDRESSES,
    DESTINATION_SUBNET,
    MY_POD,
    NODE_01,
    NODE_02,
    OTHER_POD,
    POD_RANGE,
    SOURCE_SUBNET,
    TARGET,
    TEST,
    topology,
)
from wayhome.lab.the_case.phases import CONFIGURATION, PHASES


def agent(node: str, places: Places) -> Program:
    """The agent's program. No Pod ranges are told to it, so its scope is upstream's."""
    config, state = f"{places.volume}/ip-masq-agent", f"{places.state}"
    options = ("--config", config, "--state", state, "--log-format", "json")
    return Program(node, "agent", (sys.executable, "-m", "wayhome.agent", *options))


THE_CASE = Case(
    name="the-case",
    summary=(
        f"source-vpc {SOURCE_SUBNET}: {NODE_01}, {NODE_02} (Pods in {POD_RANGE}), {TEST}",
        f"destination-vpc {DESTINATION_SUBNET}, peered: {TARGET} {ADDRESSES[TARGET]}",
        "routes to the Pods: one for each node in source-vpc, none in destination-vpc",
    ),
    topology=topology(),
    servers=(MY_POD, OTHER_POD, TEST, TARGET),
    agents=(NODE_01, NODE_02),
    volume_items={"config": "ip-masq-agent"},
    make_agent=agent,
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
