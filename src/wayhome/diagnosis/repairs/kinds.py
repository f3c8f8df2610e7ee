"""All kinds of repairs, in the order in which they are recommended where several work."""

from wayhome.diagnosis.repairs.exchange_routes import exchange_routes
from wayhome.diagnosis.repairs.masquerade import masquerade
from wayhome.diagnosis.repairs.proposal import Kind

KINDS: tuple[Kind, ...] = (masquerade, exchange_routes)
