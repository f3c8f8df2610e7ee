"""What it costs the agent that others on its node change their nftables.

In a namespace of its own, the real agent runs beside a process that commits as many transactions a second as it is
told, each adding or removing one element of a set of its own, over netlink. What is measured is the processor time
of the agent's process, from /proc, while it is idle and while the others write.

    bench/foreign_changes.py [SECONDS]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wayhome.kernel import elements, nft, ruleset_of
from wayhome.kernel.nfnetlink import Channel, Message
from wayhome.lab.namespaces import enter
from wayhome.policy import Policy

RATES = (0, 1, 100, 1000)


def write(rate: int) -> None:
    """Commit `rate` transactions a second until killed, in a table called foreign."""
    nft.run(
        "add table inet foreign\n"
        "delete table inet foreign\n"
        "add table inet foreign\n"
        "add set inet foreign keep4 { type ipv4_addr; flags interval; }\n"
    )
    channel = Channel()
    add, remove = (foreign(message) for message in element_messages())
    started, made = time.monotonic(), 0
    print(flush=True)
    while True:
        for message in (add, remove):
            channel.commit([message])
            made += 1
            time.sleep(max(0.0, started + made / rate - time.monotonic()))


def element_messages() -> tuple[Message, Message]:
    """One that adds an element to our set, and one that removes it."""
    keep4, *_ = ruleset_of(Policy(())).skeleton.sets
    one = ((1, 1),)
    return next(elements.additions(keep4, one)), next(elements.removals(keep4, one))


def foreign(message: Message) -> Message:
    """The same for a table whose name is as long as ours."""
    payload = message.payload.replace(b"wayhome\0", b"foreign\0")
    return Message(message.kind, payload, message.purpose, message.flags)


def measure(folder: Path, entries: int, rate: int, seconds: float) -> dict[str, float]:
    """Percent of one core that the agent takes."""
    config = folder / "config"
    listed = "".join(f"  - 10.{i >> 8}.{i & 255}.0/25\n" for i in range(entries))
    config.write_text(f"cidrLimit: {entries}\nnonMasqueradeCIDRs:\n{listed}")
    agent = subprocess.Popen(
        [sys.executable, "-m", "wayhome.agent", f"--config={config}", "--state="],
        stderr=subprocess.PIPE,
        text=True,
    )
    writer = None
    try:
        while "the kernel holds" not in agent.stderr.readline():
            pass
        if rate:
            writer = subprocess.Popen(
                [sys.executable, __file__, "--write", str(rate)], stdout=subprocess.PIPE
            )
            writer.stdout.readline()
        time.sleep(2)  # the first look, which is not what is asked
        channel = Channel()
        generation, used, started = channel.generation(), processor_time(agent), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - started
        used = processor_time(agent) - used
        commits = channel.generation() - generation
    finally:
        for process in (writer, agent):
            if process:
                process.kill()
                process.communicate()
    return {
        "entries": entries,
        "foreign_changes_per_second": round(commits / took),
        "percent_of_a_core": round(100 * used / took, 3),
    }


def processor_time(process: subprocess.Popen[str]) -> float:
    """Seconds that a process has computed (proc(5): schedstat, in nanoseconds)."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    """Measure few and many entries, in quiet and in noise."""
    if sys.argv[1:2] == ["--write"]:
        write(int(sys.argv[2]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    enter()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.TemporaryDirectory() as folder:
        for entries in (64, 10_000):
            for rate in RATES:
                print(json.dumps(measure(Path(folder), entries, rate, seconds)), flush=True)


if __name__ == "__main__":
    main()
