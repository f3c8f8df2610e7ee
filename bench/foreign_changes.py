"""What it costs us that others change their nftables: processor time of the listener and of reading our table back.

In a namespace of its own, a second process commits as many transactions a second as it is told, each adding or
removing one element of a set of its own, over netlink. This process does what the agent does: it waits for a
report, compares, and then leaves the socket alone for a second.

    bench/foreign_changes.py [SECONDS]
"""

import json
import resource
import select
import subprocess
import sys
import time

from wayhome.kernel import (
    Applier,
    ChangeKind,
    DriftListener,
    NftablesKernel,
    Ruleset,
    elements,
    nft,
    ruleset_of,
)
from wayhome.kernel.nfnetlink import Channel, Message
from wayhome.lab.namespaces import enter
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Family, Prefix

LOOK_INTERVAL = 1.0


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
    (keep4,) = ruleset_of(Policy(())).skeleton.sets
    one = ((1, 1),)
    return next(elements.additions(keep4, one)), next(elements.removals(keep4, one))


def foreign(message: Message) -> Message:
    """The same for a table whose name is as long as ours."""
    payload = message.payload.replace(b"wayhome\0", b"foreign\0")
    return Message(message.kind, payload, message.purpose, message.flags)


def measure(entries: int, rate: int, seconds: float) -> dict[str, float]:
    """Percent of one core, and how often the table was compared."""
    prefixes = [Prefix(Family.IPV4, (10 << 24) + (i << 8), 25) for i in range(entries)]
    rules = ruleset_of(Policy(tuple(Entry(p, Action.KEEP, Origin("list", 1)) for p in prefixes)))
    with NftablesKernel() as kernel, DriftListener() as listener:
        applier = Applier(kernel)
        applier.apply(rules)
        listener.drain()
        writer = subprocess.Popen(
            [sys.executable, __file__, "--write", str(rate)], stdout=subprocess.PIPE
        )
        try:
            writer.stdout.readline()
            generation = Channel().generation()
            compared, used, started = watch(applier, rules, listener, seconds)
            commits = Channel().generation() - generation
        finally:
            writer.kill()
            writer.wait()
            writer.stdout.close()
        kernel.remove()
    return {
        "entries": entries,
        "foreign_changes_per_second": round(commits / started),
        "comparisons": compared,
        "milliseconds_per_comparison": round(used / max(compared, 1) * 1000, 2),
        "percent_of_a_core": round(100 * used / started, 3),
    }


def watch(
    applier: Applier, rules: Ruleset, listener: DriftListener, seconds: float
) -> tuple[int, float, float]:
    """Do what the agent does. Returns the comparisons made, the processor time for them, and the time it took."""
    used, started, compared = processor_time(), time.monotonic(), 0
    end = started + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([listener], [], [], left)[0]:
            break
        listener.drain()
        if applier.apply(rules).kind is not ChangeKind.NOTHING:
            raise SystemExit("somebody changed our own table")
        compared += 1
        time.sleep(min(LOOK_INTERVAL, max(0.0, end - time.monotonic())))
    return compared, processor_time() - used, time.monotonic() - started


def processor_time() -> float:
    """Seconds that this process has computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure few and many entries, in quiet and in noise."""
    if sys.argv[1:2] == ["--write"]:
        write(int(sys.argv[2]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    enter()
    for entries in (64, 10_000):
        for rate in (1, 1000):
            print(json.dumps(measure(entries, rate, seconds)))


if __name__ == "__main__":
    main()
