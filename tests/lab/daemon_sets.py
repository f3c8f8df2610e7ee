"""The case with other agents in its DaemonSet."""

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.located import Located
from wayhome.clouds.read import read_estate
from wayhome.lab.the_case.files import EXPORTS

CASE = read_estate(EXPORTS)


def started_as(image: str, *words: str, estate: Estate = CASE) -> Estate:
    """The case with another image and another command line in its DaemonSet."""
    (found,) = (
        one for one in estate.all(DaemonSet).values() if one.value.metadata.name == "ip-masq-agent"
    )
    pods = found.value.spec.template.spec
    (container,) = pods.containers
    other = msgspec.structs.replace(container, image=image, args=words)
    template = msgspec.structs.replace(
        found.value.spec.template, spec=msgspec.structs.replace(pods, containers=(other,))
    )
    spec = msgspec.structs.replace(found.value.spec, template=template)
    changed = msgspec.structs.replace(found.value, spec=spec)
    return estate.with_changes(changed=[Located(changed, found.evidence)])
