"""Digests: what a file or a value is, in 64 characters."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import FunctionType
from typing import Any


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """The sha256 of a value's JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def fingerprint(learned: Any) -> str:
    """The sha256 of what an estimator holds, however deep; what has neither content nor attributes is its type alone."""
    held = hashlib.sha256()
    _feed(held, learned)
    return held.hexdigest()


def changed(digests: dict[str, str], folder: Path) -> list[str]:
    """The files below a folder that are absent or no longer what they were."""
    return [name for name, held in digests.items() if not (folder / name).is_file() or digest(folder / name) != held]


def _feed(held: Any, value: Any) -> None:
    """Add a value to a digest, with a word for its kind, so that no two values read alike."""
    kind = type(value).__name__
    match value:
        case float():
            held.update(f"float {float(value)!r}\n".encode())
        case None | bool() | int() | str() | bytes():
            held.update(f"{kind} {value!r}\n".encode())
        case dict():
            held.update(b"dict\n")
            _feed(held, [part for name in sorted(value, key=repr) for part in (name, value[name])])
        case set():
            held.update(b"set\n")
            _feed(held, sorted(value, key=repr))
        case list() | tuple():
            held.update(f"{kind} {len(value)}\n".encode())
            for part in value:
                _feed(held, part)
        case type() | FunctionType():
            held.update(f"{kind} {value.__module__}.{value.__qualname__}\n".encode())
        case _ if hasattr(value, "tobytes") and hasattr(value, "shape"):  # an array or a number of NumPy's
            if value.dtype.hasobject:
                _feed(held, value.tolist())
            else:
                held.update(f"{value.dtype.str} {value.shape}\n".encode() + value.tobytes())
        case _:
            held.update(f"{kind}\n".encode())
            _feed(held, getattr(value, "__dict__", None))
