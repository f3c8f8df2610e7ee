"""A lab from any `network.Network`: what the tracer walks, out of namespaces, with real packets.

names, paths    what a node is called and how it routes, in the kernel's terms (pure)
rules           all rules of nftables: `filters`, `translation` (`agent_rules`), what is counted, logged and dropped
build           makes it: `rtnetlink` in batches, `sysctls`, `nft`
lab_network     asks: an `attempt` for each flow, `responder`s and `proxy`s at its end, `sightings` on its way
asked           what is asked, and what was seen
"""

from wayhome.lab.compiled.asked import NOT_KNOWN, Asked, Seen
from wayhome.lab.compiled.lab_network import LabNetwork

__all__ = ["NOT_KNOWN", "Asked", "LabNetwork", "Seen"]
