"""The network model: what a cloud's configuration is compiled to, what is traced, and what a lab builds."""

from wayhome.network.actions import Action, Choice, DeliverAttached, Drop, Forward, Opaque
from wayhome.network.address import Address
from wayhome.network.evidence import Evidence
from wayhome.network.filter import Filter, FilterAction, FilterRule
from wayhome.network.flow import Flow, Protocol
from wayhome.network.link import End, Link
from wayhome.network.listener import Listener
from wayhome.network.missing import Missing
from wayhome.network.network import Network, NetworkError
from wayhome.network.node import Node, NodeKind
from wayhome.network.place import Place
from wayhome.network.port import Port
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch, any_matches
from wayhome.network.routing import Route, RouteTable, RoutingRule
from wayhome.network.translation import (
    Ask,
    DestinationRule,
    Either,
    FallThrough,
    Keep,
    Masquerade,
    Target,
    To,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)
from wayhome.network.verdict import Verdict

__all__ = [
    "Action",
    "Address",
    "Ask",
    "Choice",
    "DeliverAttached",
    "DestinationRule",
    "Drop",
    "Either",
    "End",
    "Evidence",
    "FallThrough",
    "Filter",
    "FilterAction",
    "FilterRule",
    "Flow",
    "Forward",
    "Keep",
    "Link",
    "Listener",
    "Masquerade",
    "Missing",
    "Network",
    "NetworkError",
    "Node",
    "NodeKind",
    "Opaque",
    "Place",
    "Port",
    "PrefixSet",
    "Protocol",
    "ProtocolMatch",
    "Route",
    "RouteTable",
    "RoutingRule",
    "Target",
    "To",
    "TranslationAction",
    "TranslationChain",
    "TranslationRule",
    "Verdict",
    "any_matches",
]
