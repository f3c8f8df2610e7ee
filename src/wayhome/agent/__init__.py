"""The node agent: keeps the kernel's rules as the configuration says, and says what it did.

`source` reads what there is, `holding` decides what the node holds (pure: the design's table), `memory` keeps the
last good configuration on disk, `watch` notices changes of the file, `keeper` brings it all together in one loop.
"""
