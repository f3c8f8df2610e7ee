"""The lab: networks out of Linux network namespaces, with real packets, without root.

`namespaces` enters and holds namespaces (`syscalls`, `mounts`, `processes`); everything else stands on it. Nothing is
left on the host: the processes end with the first of them, the networks with the last process and descriptor, and
what a run mounted with both.

    topology        what a network consists of: nodes, ports, links, routes, filters
    network         builds it: `links` (netlink), `rules` (nftables), `sysctls`, `programs`
    drops           sees packets die, where and why; `prober` ends a probe by it; `witness` sees echoes arrive
    capture, pcap   what passes a node, in a file
    volume          a ConfigMap as kubelet shows it to an agent

A `case` is a topology with programs, phases and what is expected in each; `the_case` is the one that the project
starts from. `demo` runs a case; `keeper` keeps one up in the background, and `remote` and `state` reach it.
"""
