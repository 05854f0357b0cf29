"""Pages of a project's documentation, carried out: files written, edits made, commands typed, and what they print."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REST = "…"  # whatever stands there


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is or changes, and what it holds."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page in their order; one that is indented belongs to a list and counts as any."""
    found = re.findall(r'^( *)```(\w+)(?: title="([^"]+)")?\n(.*?)^\1```$', page, re.MULTILINE | re.DOTALL)
    return [
        Block(language, title, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)) for indent, language, title, text in found
    ]


def changed(text: str, diff: str) -> str:
    """A text in which the lines with `-` have gone and those with `+` have come; `…` is the rest of a line that goes.

    Raises:
        AssertionError: The lines that stay or go are there not at all, or more than once.
    """
    lines = [(line[:1] or " ", line[1:]) for line in diff.splitlines()]
    before = "".join(re.escape(line).replace(REST, ".*") + "\n" for sign, line in lines if sign != "+")
    after = "".join(f"{line}\n" for sign, line in lines if sign != "-")
    made, count = re.subn(f"^{before}", lambda _: after, text, flags=re.MULTILINE)
    assert 1 == count, f"these lines are there {count} times:\n{diff}"
    return made


def carried_out(page: str, folder: Path, types: Callable[[str], str]) -> list[str]:
    """Write, change and type what a page says, from its first block to its last; what was typed.

    Args:
        page: of the documentation.
        folder: of the project.
        types: types a command, and tells what it printed.

    Raises:
        AssertionError: An edit does not fit, or what the page shows is not what was printed.
    """
    printed, typed = "", []
    for block in blocks(page):
        path = folder / block.title
        if block.language == "sh":
            commands = [re.sub(r"\s+# .*", "", line) for line in block.text.splitlines()]
            printed = "".join(types(command) for command in commands)
            typed += commands
        elif block.language == "text":
            shown = re.escape(block.text).replace(REST, ".*")
            assert re.search(f"^{shown}", printed, re.MULTILINE), f"shown:\n{block.text}\nprinted:\n{printed}"
        elif block.language == "diff":
            path.write_text(changed(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
        elif block.title:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    return typed
