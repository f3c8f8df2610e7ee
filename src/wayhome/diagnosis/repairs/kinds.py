"""All kinds of repairs, in the order in which they are recommended where several work."""

from wayhome.diagnosis.repairs.exchange_routes import exchange_routes
from wayhome.diagnosis.repairs.fix_configuration import fix_configuration
from wayhome.diagnosis.repairs.masquerade import masquerade
from wayhome.diagnosis.repairs.open_firewall import open_firewall
from wayhome.diagnosis.repairs.proposal import Kind
from wayhome.diagnosis.repairs.proxy_pod import proxy_pod
from wayhome.diagnosis.repairs.proxy_vm import proxy_vm

KINDS: tuple[Kind, ...] = (
    fix_configuration,
    masquerade,
    exchange_routes,
    open_firewall,
    proxy_vm,
    proxy_pod,
)

FOLLOW_UPS: tuple[Kind, ...] = (open_firewall,)
"""Those that another repair may need besides."""
