"""Running the programs of iptables: reading what a nat table holds of one chain, and restoring a text.

Reading is the cheap way of each variant, measured beside 50,000 rules of kube-proxy (iptables 1.8.9):

    iptables-nft     -S CHAIN            1 ms, 13 MiB      iptables-nft-save      2,300 ms, 62 MiB
    iptables-legacy  -S CHAIN           82 ms, 61 MiB      iptables-legacy-save     110 ms, 62 MiB
    iptables-nft-restore --noflush       8 ms, 13 MiB      iptables-legacy-restore  255 ms, 95 MiB

iptables-nft asks the kernel for one chain. iptables-legacy knows no part of a table: it fetches and parses all of it,
every time. There a single iptables-legacy-save is cheaper than two listings, and unlike a listing it neither waits for
the xtables lock nor holds it. A legacy table that is not there is not asked for: asking would create it, and every
connection would pass through it from then on.

The xtables lock belongs to iptables-legacy (iptables-nft has the kernel's generations). Restoring waits for it, and
holds it for as long as the restore takes. It is a file, /run/xtables.lock or XTABLES_LOCKFILE; it locks out only those
who see the same file, so a container needs the node's, mounted. Without a common lock two writers at the same time may
undo each other's work: a legacy table is written as a whole.
"""

import errno
import os
import re
from dataclasses import replace
from pathlib import Path

from wayhome.kernel import child, presence
from wayhome.kernel.backend import KernelError, RefusedError
from wayhome.kernel.file_lock import holder
from wayhome.kernel.iptables_table import POSTROUTING, Held, held
from wayhome.prefixes import Family

LOCK_WAIT = 10
"""Seconds. A restore of 50,000 rules by others holds the lock for 1.3 s on an idle machine."""
TIMEOUT = 40.0
"""Seconds for one program, the wait for the lock included."""
LOCK_FILE = "/run/xtables.lock"
_OWN_NAME = re.compile(r"^ip6?tables[\w-]*(?: v[\d.]+)?(?: \(\w+\))?: *")
_LINE = re.compile(r"\bline:? (\d+)")


def find(variant: str, family: Family, suffix: str = "") -> str | None:
    """The path of a variant's program for a family, such as ip6tables-nft-restore; None if it is not installed."""
    return presence.find(_name(variant, family, suffix))


def read(variant: str, family: Family, chain: str) -> Held:
    """What the nat table holds of a chain, and of jumps to it. Raises KernelError."""
    if variant == "iptables-legacy":
        if not presence.legacy_nat_exists(family):
            return Held()
        saved = _run(_program(variant, family, "-save"), "-t", "nat", lines_with=chain)
        return held(saved.lines, chain)
    program = _program(variant, family)
    jumps = _run(program, "-t", "nat", "-S", POSTROUTING, lines_with=chain)
    # It fails for a chain that is not there, and for one with a rule that only nft understands, which it leaves out.
    rules = _run(program, "-t", "nat", "-S", chain, lines_with=chain, may_refuse=True)
    return replace(held(jumps.lines + rules.lines, chain), is_whole=rules.status == 0)


def restore(variant: str, family: Family, text: str) -> None:
    """Change the nat table by one text, in one transaction. Raises RefusedError if it was refused, else KernelError."""
    program = _program(variant, family, "-restore")
    _run(program, "--noflush", "-w", str(LOCK_WAIT), script=text)


def _name(variant: str, family: Family, suffix: str) -> str:
    name = variant if family is Family.IPV4 else variant.replace("iptables", "ip6tables", 1)
    return name + suffix


def _program(variant: str, family: Family, suffix: str = "") -> str:
    path = find(variant, family, suffix)
    if path is None:
        raise KernelError(
            f"{_name(variant, family, suffix)} is not installed: install the package iptables (1.8 or newer)"
        )
    return path


def _run(
    program: str,
    *arguments: str,
    script: str = "",
    lines_with: str | None = None,
    may_refuse: bool = False,
) -> child.Finished:
    finished = child.run(
        [program, *arguments], timeout=TIMEOUT, script=script, lines_with=lines_with
    )
    if finished.status > 0 and not may_refuse:
        raise _explained(Path(program).name, _substance(finished.said), script)
    return finished


def _substance(said: str) -> str:
    """What a program said, on one line, without its name and without what it advises in general."""
    chatter = ("# Warning", "Try `", "Perhaps ")
    lines = (line.strip() for line in said.splitlines() if not line.startswith(chatter))
    return "; ".join(filter(None, (_OWN_NAME.sub("", line) for line in lines)))


def _explained(name: str, said: str, script: str) -> KernelError:
    """What to do about a failure, where the program's own words do not tell."""
    lock = os.environ.get("XTABLES_LOCKFILE", LOCK_FILE)
    if "can't open lock file" in said:
        reason = said.rpartition(": ")[2]
        return KernelError(
            f"{name} cannot open the xtables lock {lock} ({reason}): mount the node's {LOCK_FILE} here, writable, "
            "or name a file that can be written in XTABLES_LOCKFILE (it then locks out nobody who uses another one)"
        )
    if "holding the xtables lock" in said:
        return KernelError(
            f"{name} did not get the xtables lock {lock}: {holder(lock) or 'another program'} has held it for more "
            f"than {LOCK_WAIT} s"
        )
    if "you must be root" in said or "unable to initialize table" in said:
        return KernelError(
            f"{name} cannot use the nat table: it needs CAP_NET_ADMIN and CAP_NET_RAW in this network namespace, "
            f"and the kernel's module{child.after_colon(said)}"
        )
    if "Parsing nftables rule failed" in said or "is incompatible, use 'nft' tool" in said:
        return KernelError(
            f"{name} cannot read {POSTROUTING}, because somebody has put a rule there that only nft understands: "
            "`nft list chain ip nat POSTROUTING` shows it; use the nftables back end, which reads no foreign chain"
        )
    if os.strerror(errno.EMSGSIZE) in said:
        return RefusedError(
            f"{name} refused: {os.strerror(errno.EMSGSIZE)}: it sends all rules in one netlink message, and without root "
            "of the initial user namespace that holds some 350 (net.core.wmem_default); run it as root, or list less"
        )
    if said == f"line {len(script.splitlines())} failed":
        return RefusedError(
            f"{name} refused: the kernel did not take the table, most likely because somebody changed it in the same "
            f"moment without the xtables lock {lock}: all containers that use iptables-legacy need the node's {LOCK_FILE}"
        )
    return RefusedError(f"{name} refused{child.after_colon(_with_its_line(said, script))}")


def _with_its_line(said: str, script: str) -> str:
    """The programs name the number of a line that they refused; the line itself says more."""
    number = _LINE.search(said)
    lines = script.splitlines()
    if number and 0 < int(number[1]) < len(lines):  # the last line is COMMIT, and says nothing
        line = lines[int(number[1]) - 1].encode(errors="backslashreplace").decode()
        return f"{said} ({line})"
    return said
