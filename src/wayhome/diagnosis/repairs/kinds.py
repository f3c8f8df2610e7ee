"""All kinds of repairs. Which of those that work is recommended first, `ranking` says."""

from wayhome.diagnosis.repairs.add_route import add_route
from wayhome.diagnosis.repairs.advertise_range import advertise_range
from wayhome.diagnosis.repairs.allow_by_policy import allow_by_policy
from wayhome.diagnosis.repairs.allow_forwarding import allow_forwarding
from wayhome.diagnosis.repairs.beyond import beyond
from wayhome.diagnosis.repairs.cloud_nat import cloud_nat
from wayhome.diagnosis.repairs.exchange_routes import exchange_routes
from wayhome.diagnosis.repairs.exchange_subnets import exchange_subnets
from wayhome.diagnosis.repairs.fix_configuration import fix_configuration
from wayhome.diagnosis.repairs.list_range import list_range
from wayhome.diagnosis.repairs.masquerade import masquerade
from wayhome.diagnosis.repairs.offered_routes import offered_routes
from wayhome.diagnosis.repairs.open_firewall import open_firewall
from wayhome.diagnosis.repairs.peer_networks import peer_networks
from wayhome.diagnosis.repairs.proposal import Kind
from wayhome.diagnosis.repairs.proxy_pod import proxy_pod
from wayhome.diagnosis.repairs.proxy_vm import proxy_vm
from wayhome.diagnosis.repairs.public_path import public_path
from wayhome.diagnosis.repairs.remove_rule import remove_rule
from wayhome.diagnosis.repairs.shared_vpc import shared_vpc
from wayhome.diagnosis.repairs.start import start
from wayhome.diagnosis.repairs.vpc_native import vpc_native

KINDS: tuple[Kind, ...] = (
    fix_configuration,
    list_range,
    remove_rule,
    start,
    allow_forwarding,
    allow_by_policy,
    add_route,
    masquerade,
    exchange_routes,
    offered_routes,
    exchange_subnets,
    peer_networks,
    advertise_range,
    open_firewall,
    proxy_vm,
    proxy_pod,
    vpc_native,
    shared_vpc,
    public_path,
    cloud_nat,
    beyond,
)

FOLLOW_UPS: tuple[Kind, ...] = (
    open_firewall,
    start,
    allow_forwarding,
    allow_by_policy,
    add_route,
    advertise_range,
)
"""Those that another repair may need besides."""
