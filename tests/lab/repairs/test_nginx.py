"""nginx in a lab: the repair's own text, as every user, and nothing of it on the host."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lab.repairs.proxies import proposed, running

from wayhome.lab.repairs import nginx

pytestmark = pytest.mark.kernel
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_it_runs_the_very_text_that_the_repair_writes_to_a_machine(tmp_path: Path) -> None:
    (commands,) = (one for one in proposed().proposal.commands if "nginx.conf" in one)
    with running(tmp_path) as up:
        files = sorted(tmp_path.glob("*.nginx.conf"))
        assert len(files) == len(up.nginx) == 2
        for file in files:
            assert f"cat >/etc/nginx/nginx.conf <<'NGINX'\n{file.read_text()}NGINX\n" in commands
        assert up.built.endings() == ()


def test_killing_it_kills_its_worker_too(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        (host, one), *_ = up.nginx.items()
        group = one.process.pid
        nginx.kill(up.built, one)
        until = time.monotonic() + 5
        while [p for p in Path("/proc").glob("[0-9]*/stat") if _group(p) == group]:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert up.built.endings() == ()  # it was meant to end
        nginx.start_nginx(up.built, up.proxies[host], host)


def _group(stat: Path) -> int | None:
    try:
        state, _, group, *_ = stat.read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return None if state == "Z" else int(group)


AS_USER = """
import os, sys
from pathlib import Path
from wayhome.clouds.proxy import Proxy
from wayhome.clouds.values import IpAddress
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.mounts import private_folder
from wayhome.lab.namespaces import enter
from wayhome.lab.repairs.nginx import WRITTEN_TO, start_nginx
from wayhome.network import Network, Node, NodeKind
devices = {top: top.stat().st_dev for top in WRITTEN_TO}
enter()
folder = private_folder()
network = Network.of([Node(name="vm", kind=NodeKind.INSTANCE, ports=())], [])
proxy = Proxy(host="vm", program="nginx", protocol=sys.argv[1], port=int(sys.argv[2]), upstream=IpAddress("10.0.0.9"))
with BuiltNetwork(network, folder) as built:
    start_nginx(built, proxy, "vm")
    print(built.endings(), any(any(top.iterdir()) for top in WRITTEN_TO))
    assert all(top.stat().st_dev != device for top, device in devices.items()), "that is the host's"
"""


@pytest.mark.parametrize("what", [("tcp", "80"), ("tcp", "5432"), ("udp", "53")])
def test_every_user_may_run_it_and_the_host_gets_nothing(
    wayhome_command: Run, what: tuple[str, str]
) -> None:
    done = wayhome_command("-c", AS_USER, *what)
    writes = what == ("tcp", "80")  # what it proxies as bytes goes to no file
    assert (done.returncode, done.stdout) == (0, f"() {writes}\n"), done.stderr


def test_without_nginx_it_is_said_how_to_get_it(wayhome_command: Run) -> None:
    hidden = AS_USER.replace(
        "enter()", "import shutil; shutil.which = lambda *_, **__: None\nenter()", 1
    )
    done = wayhome_command("-c", hidden, "tcp", "80")
    assert done.returncode == 1
    assert "nginx is not installed; this installs it:\napt-get install nginx" in done.stderr
