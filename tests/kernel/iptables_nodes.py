"""The nat tables of a test's network, as others on the node see and change them."""

import subprocess

from wayhome.prefixes import Family

VARIANTS = ("iptables-nft", "iptables-legacy")


def program(variant: str, family: Family = Family.IPV4, suffix: str = "") -> str:
    return (variant if family is Family.IPV4 else variant.replace("ip", "ip6", 1)) + suffix


def saved(variant: str, family: Family = Family.IPV4) -> str:
    """The nat table, as iptables-save shows it."""
    command = [program(variant, family, "-save"), "-t", "nat"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def rules(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith("-A")]


def restore(variant: str, text: str, family: Family = Family.IPV4) -> None:
    """Change the nat table as somebody else would."""
    command = [program(variant, family, "-restore"), "--noflush", "-w", "10"]
    subprocess.run(command, input=f"*nat\n{text}\nCOMMIT\n", text=True, check=True, timeout=30)
