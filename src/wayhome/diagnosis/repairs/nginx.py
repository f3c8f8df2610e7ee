"""nginx as a proxy to one destination: its configuration, and the script that installs it on a Debian machine."""

from wayhome.network import Address, Protocol
from wayhome.prefixes import Family

HTTP = 80
HEALTH_PORT = 8080
"""Where a proxy for UDP says that it is alive: health checks speak TCP."""


def configuration(destination: Address, protocol: Protocol, port: int) -> str:
    """`nginx.conf`. Port 80 is proxied as HTTP, everything else as a stream of bytes or datagrams."""
    there = f"{_host(destination)}:{port}"
    if protocol is Protocol.TCP and port == HTTP:
        return _HTTP.format(port=port, there=there)
    if protocol is Protocol.TCP:
        return _STREAM.format(servers=_SERVER.format(listen=port, there=there))
    servers = _SERVER.format(listen=f"{port} udp", there=there) + _HEALTH
    return _STREAM.format(servers=servers)


def health_port(protocol: Protocol, port: int) -> int:
    """The TCP port that a health check connects to."""
    return port if protocol is Protocol.TCP else HEALTH_PORT


def startup_script(text: str) -> str:
    """A machine's first start: nginx from the distribution, with this configuration."""
    return (
        "#!/bin/sh\n"
        "set -eu\n"
        "export DEBIAN_FRONTEND=noninteractive\n"
        "command -v nginx >/dev/null || { apt-get update && apt-get install --yes nginx libnginx-mod-stream; }\n"
        f"cat >/etc/nginx/nginx.conf <<'NGINX'\n{text}NGINX\n"
        "nginx -t\n"
        "systemctl restart nginx\n"
    )


def _host(address: Address) -> str:
    return f"[{address}]" if address.family is Family.IPV6 else str(address)


_HTTP = """\
worker_processes 1;
events {{}}
http {{
    server {{
        listen {port};
        location / {{
            proxy_pass http://{there};
        }}
    }}
}}
"""

_STREAM = """\
worker_processes 1;
include /etc/nginx/modules-enabled/*.conf;
events {{}}
stream {{
{servers}}}
"""

_SERVER = """\
    server {{
        listen {listen};
        proxy_pass {there};
    }}
"""

_HEALTH = f"""\
    server {{
        listen {HEALTH_PORT};
        return "alive";
    }}
"""
