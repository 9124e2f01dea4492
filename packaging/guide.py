"""`python packaging/guide.py FILE HEADING [NUMBER]`: the commands under a heading of a guide, or of one block of them.

script/release-check runs what it prints. Where a comment asks to set the cluster, it calls `set-cluster FILE`.
"""

import re
import sys
from pathlib import Path
from typing import Final

INDENT: Final = "    "
EDITED: Final = re.compile(r"^(?P<command>.* (?P<file>\S+)) +# set ELASTICSEARCH_HOSTS.*$")


def blocks(text: str, heading: str) -> list[str]:
    """The indented blocks between this heading and the next one. Raises LookupError if there are none."""
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    found = re.findall(rf"(?:^{INDENT}.*\n|^\n(?={INDENT}))+", section[1], re.MULTILINE) if section else []
    if not found:
        raise LookupError(f"no commands under {heading}")
    return [re.sub(rf"^{INDENT}", "", block, flags=re.MULTILINE).strip("\n") for block in found]


def script(block: str) -> str:
    """The commands of a block, with the edits that its comments ask for."""
    return "\n".join(EDITED.sub(r"\g<command>\nset-cluster \g<file>", line) for line in block.splitlines())


if __name__ == "__main__":
    file, heading, *number = sys.argv[1:]
    found = blocks(Path(file).read_text(), heading)
    print("\n".join(script(block) for block in ([found[int(number[0]) - 1]] if number else found)))
