"""The lab: networks out of Linux network namespaces, with real packets, without root.

`namespaces` enters and holds namespaces (`syscalls`, `mounts`, `processes`); everything else stands on it. Nothing is
left on the host: the processes end with the first of them, the networks with the last process and descriptor, and
what a run mounted with both.

    compiled        builds any `network.Network`, holds it up, and asks it what becomes of flows (`sysctls`, `programs`)
    drops           what a node's rules log: packets that die there, and those that are delivered
    prober          probes of real programs in a network that is up, each ended where its packet is seen to end
    running_estate  exports that are up: their network, agents and servers (`running_case`: and what a case needs besides)
    agents          on which nodes the project's agent runs in place of what was compiled; `running_agents`, `volume`
    check           asks a network and the tracer the same (`questions`), and holds them together (`agreement`)
    capture, pcap   what passes a node, in a file

A `case` is exports with programs, phases and what is expected in each; `the_case` is the one that the project starts
from. `demo` runs a case, and holds what is seen against what is expected and what the tracer says (`prediction`).

For whoever wants to try things, `keeper` keeps a network up in the background: what `planning` makes of exports (a `plan`),
of a large network what `cut` leaves. Its `attendant` answers (`answering`, `relay`) and sees what dies (`deaths`); other
commands reach it by `state` and `remote`, and call its nodes by their `node_names`.
"""
