"""What this machine's kernel lacks of what a network needs.

Nothing is tried beforehand: a lab that can be built pays nothing. Where the kernel refused a part, each feature that the
network needs is tried by itself, in a fresh network, and what fails is named with its option and its module. What fails
for want of something else (files, memory, a right) is no lack of the kernel's, and the error stays what it was.

Modules are loaded by the kernel itself when they are asked for, by most of the requests and also for an ordinary user's
namespaces, where they are installed. In a container they are the host's.
"""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from typing import Self

from wayhome.lab.compiled.features import FEATURES, IPV6, Feature
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import ProgramError
from wayhome.network import Network

LACKING = {
    errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT,
    errno.ENOPROTOOPT, errno.EPFNOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENODEV,
}  # fmt: skip
"""How a kernel says that it does not know something."""
OLDEST_NFT = "1.0.2"
_SAYS_SO = re.compile("|".join(re.escape(os.strerror(number)) for number in LACKING))
_NOT_UNDERSTOOD = "syntax error"


class MissingFeatureError(ProgramError):
    """This machine lacks what a lab needs; the text names it, and its last line says what to do."""

    @classmethod
    def of(cls, missing: Sequence[Feature], said: str) -> Self:
        """`said`: by what it was seen."""
        lines = [f"this machine's kernel ({os.uname().release}) lacks what this lab needs:"]
        lines += [f"  {feature}" for feature in missing]
        lines += [f"It was seen by this: {' '.join(said.split())}", *_remedy(missing)]
        return cls("\n".join(lines))


class OldNftError(ProgramError):
    """The program nft does not understand what a lab tells it."""


def explained(error: Exception, network: Network) -> Exception:
    """Why a lab of this network could not be built: what the kernel lacks; the error itself where it lacks nothing."""
    if isinstance(error, ProgramError) and _NOT_UNDERSTOOD in str(error):
        return OldNftError(
            f"nft does not understand a lab's rules; it takes nftables {OLDEST_NFT} or newer:\n{error}"
        )
    try:
        missing = tuple(lacking(network))
    except (OSError, ProgramError):
        return error
    return MissingFeatureError.of(missing, str(error)) if missing else error


def lacking(network: Network) -> Iterator[Feature]:
    """What this kernel lacks of what the network needs. Raises OSError where nothing can be tried."""
    absent: set[str] = set()
    for feature in FEATURES:
        if feature.behind in absent:
            absent.add(feature.name)
        elif feature.needed(network) and not _has(feature):
            absent.add(feature.name)
            yield feature


def _has(feature: Feature) -> bool:
    """Whether it is there. Raises OSError, ProgramError for a failure that says nothing of the feature."""
    with NetworkNamespace.create() as fresh, fresh.entered():
        try:
            feature.probe()
        except OSError as error:
            if error.errno not in LACKING:
                raise
            return False
        except ProgramError as error:
            if not _SAYS_SO.search(str(error)):
                raise
            return False
    return True


def _remedy(missing: Sequence[Feature]) -> Iterator[str]:
    if any(feature is IPV6 for feature in missing):
        yield "IPv6 is also missing where the kernel was started with ipv6.disable=1 (/proc/cmdline)."
    modules = [feature.module for feature in missing if feature.module]
    if len(modules) < len(missing):
        yield "What has no module is part of a kernel or not: that takes another kernel, such as a distribution's own."
    if modules:
        yield "If the modules are installed (on the host, for a container), root loads them with:"
        yield f"modprobe --all {' '.join(modules)}"
