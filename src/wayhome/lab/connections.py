"""Connections that the node forgets, as it does when its table is flushed or an entry's time is over."""

import socket
import struct

from wayhome.kernel.nfnetlink import NETLINK_NETFILTER

NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_DELETE = 2
NLM_F_REQUEST_AND_ACK = 1 | 4


def forget_connections() -> None:
    """Delete every entry of the calling thread's conntrack: a deletion that selects nothing deletes all."""
    message = struct.pack(
        "=IHHIIBBH",
        20,
        NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
        NLM_F_REQUEST_AND_ACK,
        1,
        0,
        socket.AF_UNSPEC,
        0,
        0,
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
        channel.send(message)
        (error,) = struct.unpack_from("=i", channel.recv(4096), 16)
    if error:
        raise OSError(-error, "conntrack cannot be flushed")
