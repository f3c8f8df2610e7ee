"""An instance behind a gateway that translates, or that knows a Service."""

from dataclasses import replace

from tests.trace.small import (
    A,
    P,
    S,
    attached,
    fabric,
    host,
    link,
    route,
    subnet,
    table,
    tcp,
)

from wayhome.network import (
    DestinationRule,
    Drop,
    Filter,
    Masquerade,
    Network,
    NodeKind,
    Port,
    Target,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)

OUT = tcp("192.168.0.1", "10.0.0.2")


def rule(action: TranslationAction, **facts: object) -> TranslationRule:
    return TranslationRule(action=action, **facts)  # type: ignore[arg-type]


MASQUERADE = rule(Masquerade())


def gateway(
    *chains: tuple[TranslationRule, ...], into_gateway: Filter | None = None, **facts: object
) -> Network:
    """An instance `a` behind a gateway to `b`, which knows the gateway's address alone."""
    middle = replace(
        host("gateway", "10.0.0.7", kind=NodeKind.GATEWAY),
        ports=(
            Port(name="out", addresses=(A("10.0.0.7"), A("fd00::7"))),
            Port(name="in", owns=(P("192.168.0.1/32"), P("fd01::1/128"))),
        ),
        tables=table(
            subnet("192.168.0.0/24"),
            subnet("fd01::/64"),
            route("10.0.0.0/8", "out"),
            route("fd00::/64", "out"),
        ),
        forwards=True,
        translation_out=tuple(TranslationChain(str(n), rules) for n, rules in enumerate(chains)),
        **facts,  # type: ignore[arg-type]
    )
    a, b = host("a", "192.168.0.1", "fd01::1"), host("b", "10.0.0.2", "fd00::2")
    six = table(route("0.0.0.0/0", "eth0"), route("::/0", "eth0"))
    outside = fabric(
        "outside",
        [
            attached("gateway", "10.0.0.7/32", "fd00::7/128", filter_out=into_gateway),
            attached("b", "10.0.0.2/32", "fd00::2/128"),
        ],
        subnet("10.0.0.0/24"),
        subnet("fd00::/64"),
    )
    return Network.of(
        [replace(a, tables=six), replace(b, tables=six), middle, outside],
        [
            link("a/eth0", "gateway/in"),
            link("gateway/out", "outside/gateway"),
            link("outside/b", "b/eth0"),
        ],
    )


def service(*targets: Target, **facts: object) -> Network:
    """10.0.0.100 port 80 is a Service of the instance `a`'s gateway."""
    action = targets or Drop("DROPPED_INSIDE_GKE_SERVICE", "no endpoints")
    translated = DestinationRule(action=action, destinations=S("10.0.0.100/32"), **facts)  # type: ignore[arg-type]
    return gateway((MASQUERADE,), translation_in=(translated,))
