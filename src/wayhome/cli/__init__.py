"""The command line for people. Each command imports what it needs when it is called, so that `--help` is quick.

Exit codes, everywhere: 0 as wanted, 1 a finding, 2 usage or unreadable input, 3 undetermined, 4 this machine lacks
something, which the last line names.
"""
