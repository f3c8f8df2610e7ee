"""The lab: networks out of Linux network namespaces, with real packets, without root.

`namespaces` enters and holds namespaces; everything else stands on it. Nothing is left on the host: the
namespaces end with the last descriptor and the last process in them.
"""
