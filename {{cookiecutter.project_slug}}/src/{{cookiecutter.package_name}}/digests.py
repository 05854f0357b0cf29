"""Digests: what a file or a value is, in 64 characters."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


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
