"""From a directory of exports to an estate.

Nothing about the directory's layout is prescribed: what a file holds is recognised by its content, and whatever the
content does not say (to which cluster a list of Pods belongs, whose routes an empty list lacks) is taken from the file
`collected.json`, or from the folder that the file is in. In steps:

1. `files`: which files there are, and their text as UTF-8 (`encoding`).
2. `documents`: the JSON documents of a file, unparsed. `unfold`: the objects in a document, unparsed, with their JSON
   pointers; lists are remembered (`listing`), because they say what is complete.
3. `kinds` says which resource an object is, `decode` makes it. Only what a resource names is parsed.
4. When all files are read, objects get their full names (`placement`); those that do not say what they belong to get
   them from where they lie: Kubernetes objects (`clusters`), and outputs that do not name their subject (`subjects`).
5. `assemble` makes the tables and finds what contradicts itself, `completeness` what is known to be complete, and
   `references` what does not fit together. The outputs of nodes (`node_files`) are kept as text.

Whatever is wrong becomes a finding with file and pointer; nothing in a directory raises an exception but the lack of
the directory itself. What was not understood leaves a claim that it may be missing (`knowledge`).
"""

from wayhome.clouds.read.files import UnreadableDirectoryError
from wayhome.clouds.read.reader import read_estate

__all__ = ["UnreadableDirectoryError", "read_estate"]
