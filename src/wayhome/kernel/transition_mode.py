"""Which connections start again when the policy changes. Apart from `transition`, which most agents never load."""

import enum

UDP = 17


class TransitionMode(enum.StrEnum):
    """Which connections start again when the policy changes."""

    KEEP = "keep"
    EXPIRE_UDP = "expire-udp"
    EXPIRE_ALL = "expire-all"

    def expires(self, protocol: int) -> bool:
        """Whether connections of a protocol (IANA's number) do."""
        return self is TransitionMode.EXPIRE_ALL or (
            self is TransitionMode.EXPIRE_UDP and protocol == UDP
        )
