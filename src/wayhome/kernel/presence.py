"""What there is of iptables on this node, found out without starting it.

An agent that holds nftables asks this once, and then never needs what runs the programs: neither their memory nor, on
a node of 50,000 rules, theirs.
"""

import os
from pathlib import Path

from wayhome.kernel import attributes
from wayhome.kernel import nf_tables as nft
from wayhome.kernel.nfnetlink import Channel
from wayhome.prefixes import Family

VARIANTS = ("iptables-nft", "iptables-legacy")
NFPROTO_IPV4 = 2
_ADMIN_FOLDERS = ("/usr/sbin", "/sbin")
"""Where distributions keep nft and iptables, and where an ordinary user's PATH does not lead."""


def find(name: str) -> str | None:
    """The path of a program; None if it is not installed."""
    # shutil.which would do the same, for half a mebibyte of the agent's memory.
    for folder in (*os.get_exec_path(), *_ADMIN_FOLDERS):
        path = Path(folder, name)
        # In this order: a folder that may not be searched (root's PATH after `su`) is an error to the other one.
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
    return None


def is_installed(variant: str) -> bool:
    """Whether all programs of a variant are there that it takes."""
    return all(find(f"{variant}{suffix}") for suffix in ("", "-restore", "-save"))


def nft_chain_exists(chain: str) -> bool:
    """Whether the nat table of iptables-nft for IPv4 has a chain. Raises OSError where nf_tables cannot be asked."""
    named = attributes.text(nft.NFTA_CHAIN_TABLE, "nat") + attributes.text(
        nft.NFTA_CHAIN_NAME, chain
    )
    channel = Channel()
    try:
        channel.get(nft.NFT_MSG_GETCHAIN, named, NFPROTO_IPV4)
    except FileNotFoundError:
        return False
    finally:
        channel.close()
    return True


def legacy_nat_exists(family: Family) -> bool:
    """Whether there is a legacy nat table in the calling thread's network; yes where that is not told."""
    names = "ip_tables_names" if family is Family.IPV4 else "ip6_tables_names"
    try:
        return "nat" in Path("/proc/thread-self/net", names).read_text().split()
    except FileNotFoundError:  # the module that lists them makes them too
        return False
    except OSError:
        return True
