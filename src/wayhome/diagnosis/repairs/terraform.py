"""A repair as Terraform, where it is one resource: for those who keep their network there."""

import json
import re
from collections.abc import Mapping

Block = Mapping[str, "str | int | bool | list[str] | Block"]


def resource(kind: str, name: str, fields: Block) -> str:
    """A resource block. `name` is made into an identifier; texts are quoted, templates in them too."""
    identifier = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
    return f'resource "{kind}" "{identifier}" {_block(fields, "")}\n'


def _block(fields: Block, indent: str) -> str:
    inner = f"{indent}  "
    lines = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            lines.append(f"{inner}{name} {_block(value, inner)}")
        else:
            lines.append(f"{inner}{name} = {_value(value)}")
    return "\n".join(["{", *lines, f"{indent}}}"])


def _value(value: str | int | bool | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
