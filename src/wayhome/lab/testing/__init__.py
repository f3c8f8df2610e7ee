"""A lab for tests: of exports, or of a few lines of `wayhome.network`, with the test's own programs in its nodes.

The process of a test stays where it is. It may have threads, be a worker of pytest-xdist, hold sockets to a database
on this machine: it never enters a namespace, and what it cannot do as an ordinary user is done by another process.

    server    the process that leaves the host, builds the network and starts programs in it; one for each lab
    requests  what it is asked for
    channel   requests and answers with descriptors, over a socket that only these two have
    process   a program that the server has started, as seen from the test
    node      programs, sockets and waiting, on one node
    lab       all of it, and what died in it
    lan       hosts that all reach each other, for whoever needs no more

Sockets are opened by the server, on a node, and handed over: a socket stays in the network in which it was opened,
whoever uses it. Programs write to files of the test's. When the test's process ends, however that happens, the channel
ends, with it the server, and with that everything in the lab (`lab.processes`).
"""

from wayhome.lab.testing.lab import Lab, lab_of
from wayhome.lab.testing.lan import lan
from wayhome.lab.testing.node import Node

__all__ = ["Lab", "Node", "lab_of", "lan"]
