"""The flags of API mode."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.arguments import Options, parse_arguments
from wayhome.agent.mode import is_api_mode
from wayhome.agent.scope_flags import NodesRanges
from wayhome.prefixes import Prefix

POD = {"NODE_NAME": "node-a", "POD_NAME": "wayhome-agent-x", "POD_NAMESPACE": "wayhome"}


def options(*arguments: str, native: bool = False, environment: Mapping[str, str] = POD) -> Options:
    return parse_arguments(list(arguments), native=native, environment=environment)


def api(*arguments: str, environment: Mapping[str, str] = POD) -> ApiOptions:
    found = options(*arguments, environment=environment).api
    assert found is not None
    return found


def refused(
    capsys: pytest.CaptureFixture[str], *arguments: str, environment: Mapping[str, str] = POD
) -> str:
    with pytest.raises(SystemExit) as ended:
        options(*arguments, environment=environment)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_file_mode_is_the_default_whatever_the_environment_says() -> None:
    assert options().api is None
    assert options().source == "/etc/config/ip-masq-agent"


@pytest.mark.parametrize("native", [False, True])
def test_a_name_alone_is_one_of_kube_system(native: bool) -> None:
    found = options("--configmap=ip-masq-agent", native=native)
    assert found.source == "ConfigMap kube-system/ip-masq-agent"
    assert found.api == ApiOptions(
        configmaps=(("kube-system", "ip-masq-agent"),),
        key="config",
        kubeconfig=None,
        node="node-a",
        status_namespace="wayhome-status",
        nodes=200,
        pod="wayhome-agent-x",
        pod_namespace="wayhome",
    )


def test_everything_can_be_said() -> None:
    found = api(
        "-configmap", "one,net/two.b", "--configmap-key=masq.yaml", "--kubeconfig=/k", "--node=b.example",
        "--status-namespace=", "--nodes=5000",
    )  # fmt: skip
    assert found.configmaps == (("kube-system", "one"), ("net", "two.b"))
    assert found.source == "ConfigMaps kube-system/one, net/two.b"
    assert (found.key, found.kubeconfig) == ("masq.yaml", Path("/k"))
    assert (found.node, found.status_namespace, found.nodes) == ("b.example", "", 5000)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--configmap=a", "--config=/x"], "leave one of them out"),
        (["--configmap=a", "--dialect=azure"], "leave --dialect out"),
        (["--configmap="], "'' is no ConfigMap; write NAMESPACE/NAME"),
        (["--configmap=a,"], "'' is no ConfigMap"),
        (["--configmap=A"], "'A' is no ConfigMap"),
        (["--configmap=a/b/c"], "'a/b/c' is no ConfigMap"),
        (["--configmap=a.b/c"], "'a.b/c' is no ConfigMap"),
        (["--configmap=" + "a" * 254], "is no ConfigMap"),
        (["--configmap=a,kube-system/a"], "names a ConfigMap twice"),
        (["--configmap=a", "--configmap-key=a/b"], "'a/b' is no key"),
        (["--configmap=a", "--node=A_b"], "'A_b' is no name of a node"),
        (["--configmap=a", "--status-namespace=a.b"], "'a.b' is no namespace"),
        (["--configmap=a", "--nodes=0"], "'0' is no number of nodes"),
        (["--configmap=a", "--nodes=many"], "'many' is no number of nodes"),
        (["--node=a"], "--node is for the API; write --configmap=NAME too"),
        (["--status-namespace="], "--status-namespace is for the API"),
        (["--kubeconfig=/k"], "--kubeconfig is for the API"),
    ],
)
def test_what_cannot_be_meant_says_what_to_write(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *arguments)


def test_a_name_of_the_environment_that_is_none_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = {"NODE_NAME": "A b"}
    assert "NODE_NAME is 'A b'" in refused(capsys, "--configmap=a", environment=named)
    assert api("--configmap=a", "--node=b", environment=named).node == "b"
    assert api("--configmap=a", environment={}).node == ""


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["--configmap=a"], True),
        (["-configmap", "a"], True),
        (["--v=2", "--configmap", "a"], True),
        (["--configmap-key=a"], False),
        (["--config=configmap"], False),
        (["configmap"], False),
        ([], False),
    ],
)
def test_the_mode_is_known_before_the_command_line_is_parsed(
    arguments: list[str], asked: bool
) -> None:
    assert is_api_mode(arguments) is asked


@pytest.mark.parametrize(
    ("arguments", "ranges"),
    [
        ((), NodesRanges.IF_RIGHT),
        (("--scope=pods",), NodesRanges.ASKED),
        (("--scope=node",), NodesRanges.NO),
        (("--pod-cidrs=10.4.0.0/24",), NodesRanges.NO),
        (("--backend=iptables-nft",), NodesRanges.NO),
        (("--backend=nftables",), NodesRanges.IF_RIGHT),
    ],
)
def test_natively_the_scope_is_that_of_the_nodes_ranges_unless_the_flags_say_something_else(
    arguments: tuple[str, ...], ranges: NodesRanges
) -> None:
    assert options("--configmap=one", *arguments, native=True).nodes_ranges is ranges
    assert options("--configmap=one").nodes_ranges is NodesRanges.NO  # upstream's command line


def test_the_nodes_ranges_take_the_nodes_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert options("--configmap=one", native=True, environment={}).nodes_ranges is NodesRanges.NO
    with pytest.raises(SystemExit):
        options("--configmap=one", "--scope=pods", native=True, environment={})
    assert "or --node=NAME for those that its Node says" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        options("--configmap=one", "--scope=pods", "--backend=iptables", native=True)
    assert "leave it out, or --scope" in capsys.readouterr().err


def test_ipv6_follows_from_the_ranges_unless_its_flag_is_given() -> None:
    ranges = (Prefix.parse("10.4.0.0/24"),)
    found = options("--configmap=one", native=True)
    assert found.scoped(ranges).ipv6 is None
    assert found.scoped(ranges).pod_cidrs == ranges
    assert found.scoped(None).ipv6 is False
    given = options("--configmap=one", "--enable-ipv6", native=True)
    assert (given.scoped(ranges).ipv6, given.scoped(None).ipv6) == (True, True)
