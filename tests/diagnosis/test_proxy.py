"""A proxy on machines works where one in a Pod does not; what is replayed is the Pod asking the proxy."""

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.diagnosis.variants import asked, repairs, the_case, with_narrow_firewall

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import BackendService, HealthCheck
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.repairs.nginx import configuration
from wayhome.diagnosis.repairs.proxy_pod import proxy_pod
from wayhome.diagnosis.repairs.proxy_vm import proxy_vm
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address, Protocol, Verdict

TARGET = Address.parse("10.2.0.1")
BOTH = (proxy_vm, proxy_pod)


def test_a_proxy_on_machines_is_answered() -> None:
    repair = repairs(asked(the_case(), kinds=BOTH))["proxy-vm"]
    assert repair.works
    assert repair.after is not None
    steps = [step.kind for hop in repair.after.trace.forward for step in hop.steps]
    assert "PROXY_CONNECTION" in steps
    delivered = {way.result.delivered_to for way in repair.after.trace.ways}
    seen = {str(way.result.packet.source) for way in repair.after.trace.ways}
    assert [str(name).rpartition("/")[2] for name in delivered] == ["target-gce-01"]
    assert seen == {"10.1.0.6", "10.1.0.7"}  # both machines take their part


def test_it_opens_one_direction_and_that_is_asked_of_the_destination_and_not_of_the_proxy() -> None:
    repair = repairs(asked(the_case(), kinds=BOTH))["proxy-vm"]
    assert repair.reverse is not None
    assert str(repair.reverse.flow.source) == "10.2.0.1"
    assert repair.reverse.verdict is Verdict.UNREACHABLE


def test_its_control_is_lost_as_the_pod_was() -> None:
    control = repairs(asked(the_case(), kinds=BOTH))["proxy-pod"]
    assert control.proposal.control
    assert not control.works
    assert control.cause is not None
    assert control.cause.cause == "no-return-route"


def test_the_balancer_is_quick_to_leave_a_machine_out_and_the_group_is_slow_to_replace_it() -> None:
    repair = repairs(asked(the_case(), kinds=BOTH))["proxy-vm"]
    assert repair.after is not None
    quick, slow = (one.value for one in repair.after.estate.all(HealthCheck).values())
    (service,) = repair.after.estate.all(BackendService).values()
    assert [one.short for one in service.value.health_checks] == [quick.name]
    assert quick.check_interval_sec < slow.check_interval_sec
    said = "\n".join(repair.proposal.commands)
    for check in (quick, slow):
        settings = (check.check_interval_sec, check.timeout_sec, check.unhealthy_threshold)
        text = "--check-interval={} --timeout={} --unhealthy-threshold={}".format(*settings)
        assert f"create tcp {check.name} --project=source-project --global --port=80 {text}" in said
    assert f"--health-check={slow.name}" in said
    assert f"--health-checks={quick.name} " in said


def stopped(estate: Estate, *machines: str) -> Estate:
    changed = [
        Located(msgspec.structs.replace(one.value, status="TERMINATED"), one.evidence)
        for name, one in estate.all(Instance).items()
        if name.endswith(machines)
    ]
    return estate.with_changes(changed=changed)


@pytest.mark.parametrize(("machines", "works"), [(("-80-1",), True), (("-80-1", "-80-2"), False)])
def test_one_machine_may_die(machines: tuple[str, ...], works: bool) -> None:
    repair = repairs(asked(the_case(), kinds=BOTH))["proxy-vm"]
    assert repair.after is not None
    after = Situation.of(stopped(repair.after.estate, *machines), repair.after.question)
    assert after.works is works


def test_a_firewall_that_knows_the_pods_alone_refuses_the_proxy_too() -> None:
    answer = asked(with_narrow_firewall(the_case(), "172.16.0.0/16"))
    assert repairs(answer)["proxy-vm"].proposal.with_ == ("open-firewall",)


def test_no_proxy_carries_an_echo() -> None:
    answer = asked(the_case(), destination="10.2.0.1", kinds=BOTH)
    assert answer.repairs == ()
    assert [one.kind for one in answer.not_possible] == ["proxy-vm"]


def test_a_full_subnetwork_has_no_place_for_it() -> None:
    estate = the_case()
    (subnet,) = (one for name, one in estate.all(Subnetwork).items() if name.endswith("my-subnet"))
    value = msgspec.structs.replace(subnet.value, ip_cidr_range=Cidr("10.1.0.0/29"))
    answer = asked(
        estate.with_changes(changed=[Located(value, subnet.evidence)]), kinds=(proxy_vm,)
    )
    assert answer.repairs == ()
    assert "has no 3 free addresses" in answer.not_possible[0].why


def test_only_port_80_is_spoken_as_http() -> None:
    assert "proxy_pass http://10.2.0.1:80;" in configuration(TARGET, Protocol.TCP, 80)
    assert "proxy_pass 10.2.0.1:5432;" in configuration(TARGET, Protocol.TCP, 5432)
    assert "listen 53 udp;" in configuration(TARGET, Protocol.UDP, 53)


@pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx with its stream module")
@pytest.mark.parametrize(
    ("protocol", "port"), [(Protocol.TCP, 80), (Protocol.TCP, 5432), (Protocol.UDP, 53)]
)
def test_nginx_takes_the_configuration(tmp_path: Path, protocol: Protocol, port: int) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(configuration(TARGET, protocol, port))
    command = [
        "unshare",
        "--net",
        "nginx",
        "-t",
        "-q",
        "-c",
        str(file),
        "-g",
        f"pid {tmp_path}/pid;",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in result.stderr:
        pytest.skip("may not make network namespaces")
    assert result.returncode == 0, result.stderr
