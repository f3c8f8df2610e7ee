"""One attempt to reach a destination over HTTP, TCP or ICMP, and what was seen of it.

`attempt` is the entrance: `open_attempt` opens the socket, so that whoever can see packets die may mark the attempt's
before the first one leaves, and `run` makes the attempt. `server` is the other end: it tells each client the address that it
was seen from, which is what masquerading is about.

Nothing here knows of the lab. Whoever can see packets die (the lab) tells a running attempt through a future; where
nobody can (a container in a cluster), an attempt ends with its answer or with its time-out.
"""
