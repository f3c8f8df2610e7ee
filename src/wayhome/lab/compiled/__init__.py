"""A lab from any `network.Network`: what the tracer walks, out of namespaces, with real packets.

    names, paths    what a node is called and how it routes, in the kernel's terms (pure)
    rules           all rules of nftables: `filters`, `translation` (`agent_rules`), what is counted, logged and dropped
    held            what a node was seen to hold: its own nat rules, loaded by their own programs
    mtus            how large packets may be on each link (pure)
    build           makes it: `rtnetlink` in batches, `sysctls`, `nft`
    built           holds it: namespaces by the nodes' names, what is seen to end on each, the programs in it
    missing         what this machine's kernel lacks, where it was refused; `features` are what a lab needs
    lab_network     asks: an `attempt` for each flow, `responder`s and `proxy`s at its end, `sightings` on its way
    asked           what is asked, and what was seen
    alternatives    a network in which what is not known is decided

Where a kernel and the model differed on random networks, this was decided:

- A SYN-ACK or an echo's reply that meets a translating node which never saw the flow is not translated; a datagram is.
  The kernel is right, and the tracer does so (`network.Place.replies_open`).
- A proxy's answer to a TCP connection is on its way before the proxy opens another one. The kernel is right, and the
  tracer does so (`trace.exchange`).
- A loop ends where the packet's time to live does, at any of its nodes; the tracer names the first that sees the packet
  again. Both are right: a comparison asks for the cause, and for one of the loop's nodes.
- A host that gets somebody else's SYN-ACK resets the connection, with the number that the flow itself had gone on with.
  Its reset is another host's packet and tells nothing of the flow's way there (`lab.packets`).
- A translation behind a rule that may have ended the way before it (`-o eth0 -j RETURN`, `-p tcp -j ACCEPT`) is no certain
  one. The kernel is right, and what is read of a node's rules says so (`netfilter.walk`).
- A packet that a socket with a foreign source waits for would be dropped where it is to be forwarded (early
  demultiplexing, ip_forward()); no other host has such sockets. The model is right, and `sysctls` turns that off.
"""

from wayhome.lab.compiled.asked import NOT_KNOWN, Asked, Seen
from wayhome.lab.compiled.built import BuiltNetwork, NoSuchNodeError, Sighted
from wayhome.lab.compiled.lab_network import LabNetwork

__all__ = [
    "NOT_KNOWN",
    "Asked",
    "BuiltNetwork",
    "LabNetwork",
    "NoSuchNodeError",
    "Seen",
    "Sighted",
]
