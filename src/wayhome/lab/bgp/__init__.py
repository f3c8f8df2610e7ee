"""BGP for real: what Cloud Routers and sites tell each other is told by BIRD, in a network of namespaces.

    sessions        who speaks to whom, and what each announces, as an estate has it (pure)
    network         the network before any of it was told (pure)
    told            what an estate comes to once all of it was told (pure)
    configuration   a speaker as BIRD's configuration (pure)
    speaking        BIRD on each speaker; `kernel_routes` are what it put into the kernels
    demonstration   the repair `advertise-range` of the case over a VPN, by its `phases`

A compiled network has the routes that a Cloud Router learned as any others. Here they are taken out, and BGP has to bring
them back: then the derivation of what a router advertises (`clouds.gcp.derive.advertise`) is held against what a real
speaker makes of it, and a change of it against what becomes of packets.

Decided here:

- A Cloud Router has no machine of its own, and its BIRD runs on its network's fabric. The session's packets go through
  the tunnel that it is for, so it goes down with the tunnel.
- Both learned tables of a fabric get what was learned; a fabric whose routes hold in one region alone is not told apart.
- Of IPv6 nothing is told.
"""

from wayhome.lab.bgp.network import before_bgp, with_bgp_alone
from wayhome.lab.bgp.sessions import Announcement, Session, Speaker, speakers
from wayhome.lab.bgp.speaking import Birds
from wayhome.lab.bgp.told import Told

__all__ = [
    "Announcement",
    "Birds",
    "Session",
    "Speaker",
    "Told",
    "before_bgp",
    "speakers",
    "with_bgp_alone",
]
