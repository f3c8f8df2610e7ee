"""Agents among the processes of a node, told from a folder that is laid out like /proc."""

from pathlib import Path

import pytest

from wayhome.kernel.foreign.processes import agent_processes

CONTAINER = "0123456789abcdef" * 4
POD = "6f1d2f0a-1111-2222-3333-444455556666"


def add(proc: Path, pid: int, command: str, comm: str, *, exe: str = "/ip-masq-agent", cgroup: str = "0::/\n") -> None:  # fmt: skip
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "cmdline").write_bytes(b"\0".join(part.encode() for part in command.split()) + b"\0")
    (folder / "comm").write_text(comm + "\n")
    (folder / "cgroup").write_text(cgroup)
    (folder / "exe").symlink_to(exe)


def test_an_agent_in_a_container_of_systemds_cgroups(tmp_path: Path) -> None:
    pod = POD.replace("-", "_")
    path = f"0::/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{CONTAINER}.scope\n"
    add(tmp_path, 12, "/ip-masq-agent --masq-chain=IP-MASQ", "ip-masq-agent", cgroup=path)
    (found,) = agent_processes(tmp_path)
    assert (found.pid, found.name, found.container, found.pod) == (
        12,
        "ip-masq-agent",
        CONTAINER,
        POD,
    )
    assert str(found) == f"ip-masq-agent (pid 12, container 0123456789ab, Pod {POD})"


def test_an_agent_in_a_container_of_plain_cgroups(tmp_path: Path) -> None:
    path = f"11:memory:/kubepods/burstable/pod{POD}/{CONTAINER}\n"
    add(tmp_path, 12, "/ip-masq-agent", "ip-masq-agent", cgroup=path)
    (found,) = agent_processes(tmp_path)
    assert (found.container, found.pod) == (CONTAINER, POD)


def test_azures_name_is_longer_than_the_kernels(tmp_path: Path) -> None:
    add(tmp_path, 7, "/ip-masq-agent-v2 --v=2", "ip-masq-agent-v")
    assert [found.name for found in agent_processes(tmp_path)] == ["ip-masq-agent-v2"]


def test_a_process_with_more_rights_than_ours_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel then refuses to say which program it runs; its name and cgroup are for everybody."""
    add(tmp_path, 9, "/ip-masq-agent", "ip-masq-agent")

    def refused(_: Path) -> Path:
        raise PermissionError

    monkeypatch.setattr(Path, "readlink", refused)
    assert [found.pid for found in agent_processes(tmp_path)] == [9]


def test_others_are_no_agents(tmp_path: Path) -> None:
    add(tmp_path, 1, "/sbin/init", "systemd")
    add(tmp_path, 2, "grep ip-masq-agent", "grep")
    add(
        tmp_path, 3, "/ip-masq-agent", "ip-masq-agent", exe="/usr/bin/python3.11"
    )  # our own, in that image
    (tmp_path / "4").mkdir()  # it ended meanwhile
    (tmp_path / "net").mkdir()
    assert agent_processes(tmp_path) == ()
