"""Digests: what a file or a value is, in 64 characters, and which libraries shape an answer."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LIBRARIES = {"numpy": "numpy", "pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn", "scipy": "scipy"}


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """The sha256 of a value's JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def changed(digests: dict[str, str], folder: Path) -> list[str]:
    """The files below a folder that are absent or no longer what they were."""
    return [name for name, held in digests.items() if not (folder / name).is_file() or digest(folder / name) != held]


def libraries() -> dict[str, str]:
    """The installed versions of what shapes an answer; pictures' are absent where there are none."""
    return {name: version(name) for name, module in LIBRARIES.items() if find_spec(module)}
