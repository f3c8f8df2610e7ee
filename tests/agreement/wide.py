"""Ranges that rules, routes and policies are about: narrow and wide, so that they meet."""

WIDE = (
    "0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "10.1.0.0/24", "10.2.0.0/24", "10.1.0.2/32", "172.16.1.0/24",
    "192.168.7.0/24",
)  # fmt: skip
WIDE6 = ("::/0", "fd20::/20", "fd20:1::/64", "2600:1900::/32", "fd20::2/128")
