"""Running `nft -f -`: one script, one transaction."""

import errno
import os

from wayhome.kernel import child
from wayhome.kernel.backend import KernelError, RefusedError

TIMEOUT = 30.0
"""Seconds. 10,000 entries take 0.15 s on an idle machine; a restore of 50,000 rules by others is waited for."""


def run(script: str, *, timeout: float = TIMEOUT) -> None:
    """Apply a script as one transaction. Raises RefusedError if it was refused, KernelError if nft does not work."""
    program = child.find("nft")
    if program is None:
        raise KernelError("nft is not installed: install the package nftables (nft 1.0.1 or newer)")
    finished = child.run([program, "-f", "-"], script=script, timeout=timeout)
    if finished.status > 0:
        raise RefusedError(f"nft refused the rules{child.after_colon(_explained(finished.said))}")


def _explained(said: str) -> str:
    """The cause, where nft's own words do not name it."""
    if os.strerror(errno.EMSGSIZE) in said:
        return (
            f"{said.splitlines()[0]}: nft sends all of it in one netlink message, and without root of the initial "
            "user namespace that holds 2,000 to 3,000 elements (net.core.wmem_default); run it as root, or list less"
        )
    if os.strerror(errno.EPERM) in said:
        return f"{said.splitlines()[0]}: changing nftables needs CAP_NET_ADMIN in this network namespace"
    return said
