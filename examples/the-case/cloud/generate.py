# ruff: noqa: INP001 (it is run, not imported)
"""Writes the scripts of this folder: the case on Google Cloud, from its exports and from the repairs that `why` finds.

    python examples/the-case/cloud/generate.py [DIRECTORY]

Two things are not as the account says: 10.2.0.1 is an address that Google keeps for itself, so that no machine can be made
there, and here the target has 10.2.0.10; and a firewall rule lets in ssh through Google's proxy, which the rows c and d need.
"""

import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.located import Located
from wayhome.clouds.read import read_estate
from wayhome.clouds.values import Cidr, IpAddress, PortRange
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.creation import creation, deletion, where
from wayhome.diagnosis.gcloud import container, gcloud, made, place
from wayhome.diagnosis.kubectl import kubectl
from wayhome.diagnosis.question import Question

FOLDER = Path(__file__).parent
EXPORTS = FOLDER.parent / "exports"
POD, TEST, TARGET, ADDRESS = "my-pod", "test-gce-01", "target-gce-01", "10.2.0.10"
PROJECTS = {
    "source-project": "SOURCE_PROJECT",
    "destination-project": "DESTINATION_PROJECT",
}
SSH_PROXY = "35.235.240.0/20"
"""From where Identity-Aware Proxy forwards."""
IN_PLACE = ("masquerade", "exchange-routes")
"""Repairs of which nothing is left when they are undone: `break.sh` undoes them."""

WEB = """\
#!/bin/sh
mkdir -p /srv/web && echo healthy >/srv/web/health
cd /srv/web && exec python3 -m http.server 80
"""

HEAD = """\
#!/usr/bin/env bash
# {about}
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${{SOURCE_PROJECT:?}}" "${{DESTINATION_PROJECT:?}}"
"""


def scripts() -> Iterator[tuple[str, str]]:
    """Names and contents."""
    estate = _estate()
    (cluster,) = estate.all(Cluster).values()
    credentials = container("clusters", "get-credentials", cluster.value.name, **where(cluster))
    answer = Answer.to(estate, Question.parse(POD, f"{ADDRESS}:80"))
    repairs = {one.proposal.kind: one.proposal for one in answer.repairs if one.works}
    create = [
        *creation(estate, WEB),
        credentials,
        kubectl("run", POD, "--image=curlimages/curl", "--command", "--", "sleep", "infinity"),
        kubectl("wait", "pod", POD, "--for=condition=Ready", "--timeout=5m"),
    ]
    yield _script("create.sh", "The account's two projects: networks, peering, machines, cluster, Pod.", create)  # fmt: skip
    undone = [f"{command} || true" for kind in IN_PLACE for command in _one_line(repairs[kind].undo)]  # fmt: skip
    yield _script("break.sh", "Back to where the Pod is not answered: takes back what was repaired in place.", [credentials, *undone])  # fmt: skip
    yield _script("ask.sh", "The account's four rows. As created, only the first fails.", [credentials, *_rows(estate)])  # fmt: skip
    for kind, proposal in repairs.items():
        about = f"{kind}: {proposal.summary}."
        yield _repair(f"repair-{kind}.sh", about, [credentials], proposal.commands, proposal.undo)
    yield _script("delete.sh", "Deletes what create.sh made.", deletion(estate))


def _estate() -> Estate:
    """The case's exports, with the target at an address that it can have."""
    estate = read_estate(EXPORTS)
    (target,) = (one for one in estate.all(Instance).values() if one.value.name == TARGET)
    (nic,) = target.value.network_interfaces
    moved = msgspec.structs.replace(nic, network_ip=IpAddress(ADDRESS))
    value = msgspec.structs.replace(target.value, network_interfaces=(moved,))
    (test,) = (one for one in estate.all(Instance).values() if one.value.name == TEST)
    network = test.value.network_interfaces[0].network
    ssh = FirewallRule(
        name=f"{network.short}-allow-ssh",
        network=network,
        allowed=(ProtocolAndPorts(ip_protocol="tcp", ports=(PortRange("22"),)),),
        source_ranges=(Cidr(SSH_PROXY),),
    )
    return estate.with_changes(
        created=[made(f"{network.project}/global/firewalls/{ssh.name}", ssh)],
        changed=[Located(value, target.evidence)],
    )


def _rows(estate: Estate) -> Iterator[str]:
    """a: the Pod asks the target. b: it asks the machine beside it. c: that machine asks the target. d: the node does."""
    machines = {one.value.name: one for one in estate.all(Instance).values()}
    beside = machines[TEST].value.network_interfaces[0].network_ip
    for row, words, address in (("a", "Pod to target", ADDRESS), ("b", "Pod to test", beside)):
        asked = kubectl("exec", POD, "--", "curl", "-sS", "-m", "5", f"http://{address}/health")
        yield f"echo '{row}: {words}'; {asked} || echo 'no answer'"
    for row, name in (("c", TEST), ("d", "gke-node-02")):
        curl = f"--command=curl -sS -m 5 http://{ADDRESS}/health"
        there = place(machines[name].name)
        if row == "c":
            asked = gcloud("ssh", name, curl, "--tunnel-through-iap", **there)
        else:
            node = "\"$(kubectl get pod my-pod -o 'jsonpath={.spec.nodeName}')\""
            asked = gcloud("ssh", curl, "--tunnel-through-iap", **there) + f" {node}"
        yield f"echo '{row}: {'node' if row == 'd' else name} to target'; {asked} || echo 'no answer'"


def _script(name: str, about: str, commands: Iterable[str]) -> tuple[str, str]:
    return name, HEAD.format(about=about) + "\n" + "".join(f"{_with_projects(c)}\n" for c in commands)  # fmt: skip


def _repair(
    name: str, about: str, first: list[str], make: tuple[str, ...], undo: tuple[str, ...]
) -> tuple[str, str]:
    body = "\n".join(map(_with_projects, (*first, "", f"make() {{\n{_joined(make)}\n}}", "")))
    body += f"\nundo() {{\n{_with_projects(_joined(undo))}\n}}\n"
    usage = f'echo "usage: {name} [make|undo]" >&2; exit 2'
    body += f'\ncase "${{1:-make}}" in make) make ;; undo) undo ;; *) {usage} ;; esac\n'
    return name, HEAD.format(about=about) + "\n" + body


def _joined(commands: tuple[str, ...]) -> str:
    return "\n".join(commands)


def _one_line(commands: tuple[str, ...]) -> Iterator[str]:
    for command in commands:
        if "\n" in command:
            raise ValueError(f"this undo is not one line: {shlex.quote(command)}")
        yield command


def _with_projects(text: str) -> str:
    """The account's projects as variables. No command quotes a word that names one."""
    for project, variable in PROJECTS.items():
        text = text.replace(project, f'"${variable}"')
    return text


def main(folder: Path) -> None:
    """Write them all."""
    for name, text in scripts():
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
