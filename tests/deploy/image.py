"""Builds what deploy/Dockerfile says without an engine, and starts it: `scripts/image`.

The base is Debian's own (debootstrap), every RUN is run by a shell in that root, every COPY copies. Then the agent is
started as the DaemonSet starts it: its entry point, in a network of its own, on a root that cannot be written, with no
capability but NET_ADMIN. It takes root, Debian's archive and an index of Python packages. What an engine alone has,
layers and their metadata, is not made.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.deploy.dockerfile import Copy, Run, Stage, parse

ROOT = Path(__file__).parents[2]
LARGEST = 25 << 20
"""Bytes of the wheel and its dependencies, compiled, in the agent's image."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hostname", "etc/machine-id")
"""Files that debootstrap copies or makes; an engine mounts its own over them."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/image", description=__doc__)
    parser.add_argument(
        "--tar", type=Path, help="write the agent's root there, for `docker import`"
    )
    parser.add_argument("--twice", action="store_true", help="build twice, and compare")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wayhome-image-") as folder:
        base = Path(folder, "debian")
        _say("debootstrap: the base")
        _run("debootstrap", "--variant=minbase", "bookworm", str(base))
        digests = []
        for number in range(2 if options.twice else 1):
            built = build(Path(folder, f"build-{number}"), base)
            digests.append(_archive(built, options.tar if number == 0 else None))
            if number == 0:
                start_as_on_a_node(built)
                size = sum(f.lstat().st_size for f in (built / "opt").rglob("*") if not f.is_dir())
                _say(f"/opt, with the interpreter: {size / (1 << 20):.1f} MiB")
        if len(set(digests)) > 1:
            _say("the two builds differ")
            return 1
    return 0


def build(folder: Path, base: Path) -> Path:
    """The root of the Dockerfile's last stage. Raises CalledProcessError."""
    stages = parse(ROOT / "deploy/Dockerfile")
    roots: dict[str, Path] = {}
    for stage in stages.values():
        root = roots[stage.name] = folder / stage.name
        root.parent.mkdir(exist_ok=True)
        _run("cp", "--archive", "--reflink=auto", str(roots.get(stage.base, base)), str(root))
        for step in stage.steps:
            if isinstance(step, Run):
                _say(f"{stage.name}: {step.command[:90]}")
                _run_in(root, stage, step)
            else:
                _copy(step, roots.get(step.stage, ROOT), root)
    return roots[list(stages)[-1]]


def _run_in(root: Path, stage: Stage, step: Run) -> None:
    """A shell in the root, with the network's names and the authorities that this machine trusts."""
    given = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    if "PIP_INDEX_URL" in os.environ:
        given["PIP_INDEX_URL"] = os.environ["PIP_INDEX_URL"]
    given |= stage.arguments | {
        "PATH": PATH,
        "DEBIAN_FRONTEND": "noninteractive",
        "LC_ALL": "C.UTF-8",
    }
    given["PIP_CERT"] = "/run/certificates/ca-certificates.crt"
    script = f"""set -e
    cd {shlex.quote(str(root))}
    mount -t proc proc proc && mount --rbind /dev dev && mount -t tmpfs none run && mkdir run/certificates
    mount --bind /etc/ssl/certs run/certificates
    mkdir -p .{step.folder}
    cp /etc/resolv.conf etc/resolv.conf
    exec chroot . /bin/sh -c {shlex.quote(f"cd {step.folder} && {step.command}")}"""
    _run("unshare", "--mount", "--pid", "--fork", "sh", "-c", script, environment=given)


def _copy(step: Copy, context: Path, root: Path) -> None:
    target = root / step.target.lstrip("/")
    into = step.target.endswith("/")
    (target if into else target.parent).mkdir(parents=True, exist_ok=True)
    for source in step.sources:
        found = context / source.lstrip("/")
        if found.is_dir():  # its content, as COPY does
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(found, target, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy2(found, target / found.name if into else target)


def start_as_on_a_node(root: Path) -> None:
    """The entry point on a root that cannot be written; its rules as nft shows them; and `clean`."""
    stage = list(parse(ROOT / "deploy/Dockerfile").values())[-1]
    entry_point = shlex.join(stage.entry_point)
    for folder in ("etc/config", "var/lib/wayhome", "run/wayhome"):
        (root / folder).mkdir(parents=True, exist_ok=True)  # kubelet makes what it mounts on
    script = f"""set -e
    ip link set lo up
    cd {shlex.quote(str(root))}
    mount --bind . . && cd "$PWD" && mount -t proc proc proc && mount --bind /dev dev
    for folder in etc/config var/lib/wayhome run/wayhome; do mount -t tmpfs none $folder; done
    mount -o remount,ro,bind .
    echo 'nonMasqueradeCIDRs: [10.0.0.0/8]' >etc/config/ip-masq-agent
    inside='chroot . setpriv --bounding-set=-all,+net_admin --inh-caps=-all --no-new-privs'
    held() {{ $inside nft list table inet wayhome 2>/dev/null | grep -q 10.0.0.0/8; }}
    if $inside touch /written 2>/dev/null; then echo the root can be written; exit 1; fi
    $inside {entry_point} --backend=nftables --metrics-bind-address=127.0.0.1:9696 >etc/config/log 2>&1 &
    agent=$!
    for attempt in $(seq 100); do held && break; sleep 0.1; done
    held || {{ cat etc/config/log; exit 1; }}
    kill $agent && wait $agent
    held
    $inside wayhome agent --help | grep -q -- --pod-cidrs
    $inside wayhome-agent clean --state=/var/lib/wayhome
    if held; then echo clean left the rules; exit 1; fi"""
    _run("unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", script)
    _say(
        "the agent starts on a read-only root with NET_ADMIN alone, keeps its rules, and cleans the node"
    )


def _archive(root: Path, path: Path | None) -> str:
    """The digest of the root as an archive whose times are all SOURCE_DATE_EPOCH; written where a path is given."""
    epoch = next(iter(parse(ROOT / "deploy/Dockerfile").values())).arguments["SOURCE_DATE_EPOCH"]
    command = ["tar", "--create", "--sort=name", f"--mtime=@{epoch}", "--numeric-owner"]
    command += [f"--exclude=./{name}" for name in OF_THIS_MACHINE]
    digest = hashlib.sha256()
    with subprocess.Popen([*command, "-C", str(root), "."], stdout=subprocess.PIPE) as packed:
        assert packed.stdout
        with open(path or os.devnull, "wb") as out:
            while piece := packed.stdout.read(1 << 20):
                digest.update(piece)
                out.write(piece)
    _say(f"sha256:{digest.hexdigest()}")
    return digest.hexdigest()


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        done.check_returncode()


def _say(line: str) -> None:
    sys.stdout.write(f"image: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
