"""What the agent makes seen, asked of the process itself: metrics, health, connections that start again."""

import subprocess
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.agent.agent_process import PORT, AgentProcess, get, nft, wait_for_kept, wait_until
from tests.kernel.nodes import owned_table
from tests.kernel.wire import Wire

pytestmark = pytest.mark.kernel

CASE = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.0.0.0/8\n"


def value(name: str, **labels: str) -> float | None:
    status, text = get("/metrics")
    assert status == 200
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def wait_for_value(wanted: float, name: str, **labels: str) -> None:
    wait_until(lambda: value(name, **labels) == wanted, lambda: f"{name} {labels} {wanted}")


@pytest.fixture
def seen(agent: AgentProcess) -> AgentProcess:
    agent.write(CASE)
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}")
    agent.wait_for("applied")
    return agent


def test_health_and_readiness(seen: AgentProcess) -> None:
    assert get("/healthz") == (200, "ok\n")
    wait_until(lambda: get("/readyz") == (200, "ok\n"), lambda: "readiness")


def test_a_change_a_rejection_and_a_repair_are_counted(seen: AgentProcess) -> None:
    wait_for_value(1, "wayhome_source_to_kernel_seconds_count")
    seen.write(CASE + "  - 192.168.0.0/16\n")
    wait_for_value(2, "wayhome_source_to_kernel_seconds_count")
    assert value("wayhome_changes_total", how="elements changed") == 1
    seen.write("nonMasqueradeCIDRs: 7\n")
    wait_for_value(1, "wayhome_configuration_rejected")
    assert get("/readyz")[0] == 200  # the last good one is in the kernel
    nft("flush ruleset")
    wait_for_value(1, "wayhome_repairs_total", cause="there is no table of ours")


def test_connections_are_counted_by_the_line_that_decided(wire: Wire, agent: AgentProcess) -> None:
    agent.write("nonMasqueradeCIDRs:\n  - 10.0.0.0/8\nmasqueradeCIDRs:\n  - 10.2.0.0/16\n")
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}")
    agent.wait_for("applied")
    for destination in ("10.3.0.1", "10.2.0.1", "10.2.0.2", "192.0.2.1", "192.0.2.2", "192.0.2.3"):
        wire.send(destination, new=True)
    name = "wayhome_connections_total"
    assert value(name, prefix="10.0.0.0/8", list="nonMasqueradeCIDRs", line="2") == 1
    assert value(name, prefix="10.2.0.0/16", list="masqueradeCIDRs", line="4") == 2
    assert value(name, prefix="", action="masquerade") == 3
    # A line that is cut in pieces keeps its count.
    agent.write("nonMasqueradeCIDRs:\n  - 10.0.0.0/8\nmasqueradeCIDRs:\n  - 10.2.0.0/15\n")
    agent.wait_for("applied")
    assert value(name, prefix="10.0.0.0/8", list="nonMasqueradeCIDRs") == 1


def test_packets_are_counted_where_that_is_asked_for(wire: Wire, agent: AgentProcess) -> None:
    agent.write("nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n")
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}", "--accounting")
    agent.wait_for("applied")
    for destination in ("10.3.0.1", "10.3.0.1", "10.3.0.1", "192.0.2.1", "192.0.2.1"):
        wire.send(destination)
    assert value("wayhome_connections_total", prefix="10.0.0.0/8") == 1
    assert value("wayhome_sent_packets_total", prefix="10.0.0.0/8", line="2") == 3
    assert value("wayhome_sent_bytes_total", prefix="10.0.0.0/8") == 3 * 29
    assert value("wayhome_sent_packets_total", prefix="") == 2
    # Without the flag the next agent takes the chain away, and connections count on.
    agent.stop()
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}")
    agent.wait_for("applied")
    assert value("wayhome_sent_packets_total", prefix="") is None
    assert value("wayhome_connections_total", prefix="10.0.0.0/8") == 1


def test_a_back_end_that_cannot_count_packets_says_so(agent: AgentProcess) -> None:
    subprocess.run(["iptables-nft", "-t", "nat", "-N", "IP-MASQ-AGENT"], check=True)
    agent.write(CASE)
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}", "--accounting")
    warning = agent.wait_for("accounting")
    assert warning["level"] == "warning"
    assert "counts nothing with the back end iptables-nft" in warning["message"]
    agent.wait_for("applied")
    assert value("wayhome_sent_packets_total") is None


def test_a_kernel_that_refuses_makes_it_not_ready(agent: AgentProcess) -> None:
    agent.write(CASE)
    with owned_table():
        agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}")
        agent.wait_for("kernel")
        status, why = get("/readyz")
        assert status == 503
        assert "another process owns the table inet wayhome" in why
        assert get("/healthz")[0] == 200
    agent.wait_for("recovered")
    wait_until(lambda: get("/readyz")[0] == 200, lambda: "readiness")


def test_an_address_that_is_taken_costs_the_metrics_and_not_the_rules(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--metrics-bind-address=203.0.113.1:9")
    assert "there are no metrics" in agent.wait_for("metrics")["message"]
    agent.wait_for("applied")


@pytest.fixture
def across(wire: Wire, agent: AgentProcess) -> Callable[[str], Wire]:
    """Start the agent with a mode, open a connection each way, and change the list."""

    def change(mode: str) -> Wire:
        agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
        agent.start(f"--transition={mode}")
        agent.wait_for("applied")
        assert wire.send("10.2.0.1").source == wire.POD4
        assert wire.send("192.0.2.1").source == wire.NODE4
        agent.write(
            "nonMasqueradeCIDRs: [10.0.0.0/9, 192.0.2.0/24]\nmasqueradeCIDRs: [10.2.0.0/16]\n"
        )
        agent.wait_for("applied")
        return wire

    return change


def test_open_connections_keep_their_treatment(across: Callable[[str], Wire]) -> None:
    wire = across("keep")
    assert wire.send("10.2.0.1").source == wire.POD4
    assert wire.send("192.0.2.1").source == wire.NODE4


def test_open_udp_starts_again_where_that_is_asked_for(
    across: Callable[[str], Wire], agent: AgentProcess
) -> None:
    wire = across("expire-udp")
    assert agent.wait_for("transition")["udp"] == 2
    assert wire.send("10.2.0.1").source == wire.NODE4
    assert wire.send("192.0.2.1").source == wire.POD4


def test_a_change_that_comes_with_a_restart_is_one_too(wire: Wire, agent: AgentProcess) -> None:
    """As with a Helm release that changes the ConfigMap and the DaemonSet."""
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start("--transition=expire-udp")
    agent.wait_for("applied")
    assert wire.send("10.2.0.1").source == wire.POD4
    assert wire.send("10.3.0.1").source == wire.POD4
    agent.stop()
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\n")
    agent.start("--transition=expire-udp")
    assert agent.wait_for("transition")["udp"] == 1
    assert wire.send("10.2.0.1").source == wire.NODE4
    assert wire.send("10.3.0.1").source == wire.POD4


def test_that_tcp_will_be_reset_is_said_at_the_start(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--transition=expire-all")
    assert "TCP connections" in agent.wait_for("transition")["message"]
    wait_for_kept("172.16.0.0/16", "10.0.0.0/8")
