"""The commands that a README tells its reader to type."""

import re

PROGRAMS = r"(?:make|git|uvx|pip|curl|\.venv/bin/[\w-]+)"


def commands(text: str) -> list[str]:
    """Each line of a shell block and each span of code that starts with a program and has arguments, once, in reading order."""
    block = r"^```sh\n(.*?)^```"
    span = rf"(?<!`)`({PROGRAMS} [^`]+)`"
    found = []
    for in_block, in_span in re.findall(f"{block}|{span}", text, re.MULTILINE | re.DOTALL):
        lines = in_block.splitlines() if in_block else [" ".join(in_span.split())]
        found += [re.sub(r"\s+# .*", "", line) for line in lines]
    return list(dict.fromkeys(filter(None, found)))
