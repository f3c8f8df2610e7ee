"""What a Pod's packet looks like before and after its node, as far as a policy decides about it."""

from dataclasses import dataclass

from wayhome.policy.policy import Action, Decision


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a packet. `address` is None where it is not known: `name` stands in its place."""

    name: str
    address: str | None
    port: int | None
    """None: the kernel chooses it."""

    def __str__(self) -> str:
        address = self.address or self.name
        return f"{f'[{address}]' if ':' in address else address}:{self.port or 'PORT'}"


@dataclass(frozen=True, slots=True)
class Header:
    """Where a packet comes from and where it goes."""

    source: Endpoint
    destination: Endpoint

    def __str__(self) -> str:
        return f"{self.source} > {self.destination}"


def on_the_wire(sent: Header, decision: Decision, node: str | None) -> Header:
    """The header behind the node, whose address is `node` if it is known.

    A masqueraded packet's port is the kernel's choice: with `--random-fully` any, else the Pod's own one where the
    node's address has it free (nf_nat_core.c, get_unique_tuple).
    """
    if decision.action is Action.KEEP:
        return sent
    return Header(Endpoint("NODE", node, None), sent.destination)
