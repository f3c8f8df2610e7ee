"""The benchmark: every figure that wayhome promises, measured beside its peer, in networks of its own.

`scripts/bench` runs it. A figure is one file in `figures/`: what is measured, how, and what is to be reached. What is
measured is the agent as people run it, a process of its own, seen from outside: by the kernel's news of its tables, by
/proc, and by packets. Machines are noisy, so a candidate is measured between two measurements of its peer, and what is
said is the median of the rounds with its quartiles.

`figures/` > `interleave`, `agent`, `forwarding`, … > `figure`. Nothing in src/ imports any of it.
"""
