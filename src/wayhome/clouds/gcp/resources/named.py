"""What objects of Google's have in common: a name, and a link to themselves that is their full name."""

from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference


class Named(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """An object that has a name of its own within its place."""

    name: str
    self_link: Reference = Reference("")


class Regional(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """An object that is in a region, or global."""

    region: Reference | None = None
