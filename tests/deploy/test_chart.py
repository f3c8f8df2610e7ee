"""What the chart starts is an agent that can work: flags, mounts, capabilities and probes belong together."""

from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml
from tests.deploy.chart import (
    CHART,
    Object,
    Values,
    agent_of,
    is_hook,
    objects,
    only,
    render,
    values_of,
)
from tests.deploy.manifests import FILE_MODE, POD_MONITOR, UPSTREAM

from wayhome import __version__
from wayhome.agent.arguments import Options, parse_arguments

CLEAN = "wayhome-agent-clean"


def release(values: Values | None = None, namespace: str = "wayhome") -> list[Object]:
    return [item for item in objects(values, namespace) if not is_hook(item)]


def daemonset_of(values: Values | None = None, namespace: str = "wayhome") -> Object:
    return only(release(values, namespace), "DaemonSet")


def options_of(container: Object) -> Options:
    native = container.get("command") == ["wayhome", "agent"]
    assert native or "command" not in container
    names = {item["name"]: item["valueFrom"]["fieldRef"]["fieldPath"] for item in container["env"]}
    environment = {name: path.rpartition(".")[2].lower() for name, path in names.items()}
    return parse_arguments(container["args"], native=native, environment=environment)


def test_the_chart_is_sound_and_of_this_version() -> None:
    report = helm.lint(CHART, strict=True)
    assert report["errors"] == []
    assert {one["error"] for one in report["messages"]} <= {"icon is recommended"}
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["version"] == about["appVersion"] == __version__


def test_api_mode_is_told_who_and_where_it_is() -> None:
    found = options_of(agent_of(daemonset_of()))
    assert found.api is not None
    assert found.api.configmaps == (("kube-system", "ip-masq-agent"),)
    assert found.api.key == "config"
    assert found.api.status_namespace == "wayhome-status"
    assert (found.api.node, found.api.pod, found.api.pod_namespace) == (
        "nodename",
        "name",
        "namespace",
    )


def test_values_are_flags() -> None:
    values = {
        "configMaps": ["net/a", "kube-system/b"],
        "key": "masq",
        "nodes": 5000,
        "scope": "pods",
        "args": ["--pod-cidrs=10.4.2.0/24"],
        "status": {"namespace": ""},
        "metrics": {"address": "::1", "port": 9},
        "logFormat": "json",
    }
    found = options_of(agent_of(daemonset_of(values)))
    assert found.api is not None
    assert found.native
    assert found.api.configmaps == (("net", "a"), ("kube-system", "b"))
    assert (found.api.key, found.api.nodes, found.api.status_namespace) == ("masq", 5000, "")
    assert found.metrics_bind_address == ("::1", 9)
    assert found.log_format.value == "json"


def test_file_mode_mounts_what_it_reads_and_has_no_rights() -> None:
    found = release(FILE_MODE, "kube-system")
    pod = only(found, "DaemonSet")["spec"]["template"]["spec"]
    options = options_of(agent_of(only(found, "DaemonSet")))
    assert options.api is None
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "config"]
    (volume,) = [v["configMap"] for v in pod["volumes"] if v["name"] == "config"]
    (item,) = volume["items"]
    assert Path(mount["mountPath"], item["path"]) == options.config
    assert (volume["name"], item["key"], volume["optional"]) == ("ip-masq-agent", "config", True)
    assert pod["automountServiceAccountToken"] is False
    assert {item["kind"] for item in found} == {"DaemonSet", "ServiceAccount"}


def test_azures_files_are_a_folder() -> None:
    values = FILE_MODE | {
        "args": ["--dialect=azure"],
        "configMaps": ["kube-system/a", "kube-system/b"],
    }
    daemonset = daemonset_of(values, "kube-system")
    sources = daemonset["spec"]["template"]["spec"]["volumes"][-1]["projected"]["sources"]
    assert [source["configMap"]["name"] for source in sources] == ["a", "b"]
    assert str(options_of(agent_of(daemonset)).config) == "/etc/config"


@pytest.mark.parametrize(
    "values", [{}, FILE_MODE, UPSTREAM, POD_MONITOR], ids=["api", "file", "upstream", "monitor"]
)
def test_the_container_may_do_what_it_needs_and_no_more(values: Values) -> None:
    daemonset = daemonset_of(values, "kube-system")
    container, pod = agent_of(daemonset), daemonset["spec"]["template"]["spec"]
    options = options_of(container)
    iptables = options.backend != "nftables"
    added = ["NET_ADMIN", "NET_RAW"] if iptables else ["NET_ADMIN"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": added},
    }
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert "hostPID" not in pod
    paths = {v["name"]: v["hostPath"] for v in pod["volumes"] if "hostPath" in v}
    lock = (
        {"xtables-lock": {"path": "/run/xtables.lock", "type": "FileOrCreate"}} if iptables else {}
    )
    assert paths == {"state": {"path": "/var/lib/wayhome", "type": "DirectoryOrCreate"}} | lock
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in pod["volumes"]}
    assert mounts["state"] == str(options.state)
    assert mounts["run"] == "/run/wayhome"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "10.0.0.5", "::1", "::"])
def test_kubelet_asks_where_the_agent_answers(address: str) -> None:
    container = agent_of(daemonset_of({"metrics": {"address": address}}))
    options = options_of(container)
    assert options.metrics_bind_address == (address, 9696)
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"host": own, "port": 9696, "path": path}


def test_an_existing_daemonset_is_taken_over_by_its_name_and_selector() -> None:
    daemonset = daemonset_of(values_of("values-upstream.yaml"), "kube-system")
    assert daemonset["metadata"]["name"] == "ip-masq-agent"
    assert daemonset["spec"]["selector"] == {"matchLabels": {"k8s-app": "ip-masq-agent"}}
    labels = daemonset["spec"]["template"]["metadata"]["labels"]
    assert labels["k8s-app"] == "ip-masq-agent"
    assert labels["app.kubernetes.io/name"] == "wayhome-agent"


@pytest.mark.parametrize("values", [{}, UPSTREAM, POD_MONITOR], ids=["own", "upstream", "monitor"])
def test_selectors_select_the_pods(values: Values) -> None:
    found = release(values)
    labels = only(found, "DaemonSet")["spec"]["template"]["metadata"]["labels"].items()
    for item in found:
        if item["kind"] in ("DaemonSet", "PodMonitor"):
            assert item["spec"]["selector"]["matchLabels"].items() <= labels


def test_prometheus_asks_at_a_port_that_the_pod_names() -> None:
    found = release(
        POD_MONITOR | {"podMonitor": {"create": True, "labels": {"release": "prometheus"}}}
    )
    monitor = only(found, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    ports = {
        port["name"]: port["containerPort"] for port in agent_of(only(found, "DaemonSet"))["ports"]
    }
    assert ports[endpoint["port"]] == 9696
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_uninstall_cleans_every_node_that_had_an_agent_and_waits_for_it() -> None:
    term = {
        "matchExpressions": [{"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}]
    }
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    values = {"affinity": {"nodeAffinity": required}, "nodeSelector": {"pool": "a"}}
    hooks = [item for item in objects(values) if is_hook(item)]
    order = sorted(
        hooks, key=lambda item: int(item["metadata"]["annotations"]["helm.sh/hook-weight"])
    )
    assert [order[0]["kind"], order[-2]["kind"], order[-1]["kind"]] == [
        "ServiceAccount",
        "DaemonSet",
        "Job",
    ]
    for hook in hooks:
        annotations = hook["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "post-delete"
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]
    cleaning = only(hooks, "DaemonSet")["spec"]["template"]["spec"]
    running = daemonset_of(values)["spec"]["template"]["spec"]
    for where in ("affinity", "nodeSelector", "tolerations", "hostNetwork", "priorityClassName"):
        assert cleaning[where] == running[where]
    waiting: Any = only(hooks, "Job")["spec"]["template"]["spec"]
    (container,) = waiting["containers"]
    assert container["args"] == [f"wayhome/{CLEAN}", "--seconds=240"]
    role = only(hooks, "Role")
    assert role["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["daemonsets"],
            "resourceNames": [CLEAN],
            "verbs": ["get"],
        }
    ]


def test_what_uninstall_removes_of_iptables_is_named() -> None:
    values = {"uninstall": {"masqChain": "IP-MASQ-AGENT"}}
    cleaning = only([item for item in objects(values) if is_hook(item)], "DaemonSet")
    (container,) = cleaning["spec"]["template"]["spec"]["initContainers"]
    assert "--masq-chain=IP-MASQ-AGENT" in container["args"]
    assert container["securityContext"]["capabilities"]["add"] == ["NET_ADMIN", "NET_RAW"]
    assert not any(is_hook(item) for item in objects({"uninstall": {"clean": False}}))


@pytest.mark.parametrize(
    ("values", "namespace", "said"),
    [
        ({"mode": "file"}, "wayhome", "write --namespace kube-system, or mode: api"),
        (
            FILE_MODE | {"configMaps": ["kube-system/a", "kube-system/b"]},
            "kube-system",
            r"--dialect=azure",
        ),
        ({"podMonitor": {"create": True}}, "wayhome", r"write metrics.address: 0\.0\.0\.0"),
        ({"configMaps": ["ip-masq-agent"]}, "wayhome", "configMaps"),
        ({"configMap": "kube-system/ip-masq-agent"}, "wayhome", "configMap"),
        ({"image": {"digest": "latest"}}, "wayhome", "digest"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(
    values: Values, namespace: str, said: str
) -> None:
    with pytest.raises(helm.HelmError, match=said):
        render(values, namespace)


def test_the_notes_say_the_next_command() -> None:
    notes = render()["NOTES.txt"]
    assert "kubectl rollout status daemonset/wayhome-agent --namespace wayhome" in notes
    assert (
        "kubectl create configmap ip-masq-agent --namespace kube-system --from-file=config=FILE"
        in notes
    )
    assert "wayhome cluster status" in notes
    taken = render(UPSTREAM, "kube-system")["NOTES.txt"]
    assert "rollout status daemonset/ip-masq-agent --namespace kube-system" in taken
