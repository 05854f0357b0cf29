"""Whether a step must run, answered from the content of what it reads and wrote.

A step's manifest, written last, holds the digests of its inputs, settings, code and outputs. A time stamp plays no part, and
neither does the engine; a comment in the code changes nothing, an edit of a module that the step imports does.
"""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..digests import changed, digest, digest_of
from ..refusal import Refusal
from ..settings import Settings
from .steps import Step

MANIFEST = "manifest.json"
PACKAGE = Path(__file__).parent.parent
DISTRIBUTIONS = {"PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn"}


def is_fresh(step: Step, settings: Settings, root: Path) -> bool:
    """Whether the step's folder holds what running it now would give; where that cannot be told, running it tells why."""
    manifest = read_manifest(artifacts(root) / step.name)
    try:
        if manifest is None or manifest["key"] != key(step, settings, root):
            return False
    except Refusal:
        return False
    return not changed(manifest["files"], artifacts(root) / step.name) and not changed(manifest["sources"], root)


def key(step: Step, settings: Settings, root: Path) -> dict[str, Any]:
    """What a step's result depends on, but for the content of files outside: their digests are noted once they are read."""
    inputs = {need: read_manifest(artifacts(root) / need) for need in step.needs}
    dumped = settings.model_dump(mode="json", include=set(step.settings))
    modules = sorted(imported(PACKAGE / "pipeline" / f"{step.name}.py"))
    return {
        "inputs": {need: manifest and digest_of(manifest["files"]) for need, manifest in inputs.items()},
        "settings": dumped,
        "listed": [_name(path, root) for path in step.reads(settings, root)] if step.reads else [],
        "code": code(modules),
        "libraries": {name: _version(name) for name in sorted(_libraries(modules))},
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def asked(step: Step, root: Path, seconds: float | None = None) -> None:
    """Note that the step's folder is known to be what running it now would give, and how long that took, if it ran.

    The note's time is that of the answer.
    """
    note = artifacts(root) / f".{step.name}.asked"
    note.touch()
    if seconds is not None:
        note.write_text(f"{seconds:.1f}", encoding="utf-8")


def took(name: str, root: Path) -> float | None:
    """How many seconds the step took when it last ran; None if it is not known."""
    try:
        return float((artifacts(root) / f".{name}.asked").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def last_asked(steps: Iterable[Step], root: Path) -> dt.datetime | None:
    """When every step was last found or made fresh; None if one never was."""
    try:
        times = [(artifacts(root) / f".{step.name}.asked").stat().st_mtime for step in steps]
    except FileNotFoundError:
        return None
    return dt.datetime.fromtimestamp(min(times), dt.UTC)


def artifacts(root: Path) -> Path:
    """Where the steps' folders lie."""
    return root / "artifacts"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """A finished step's manifest; None if the step has not finished."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return manifest if {"key", "files", "sources"} <= manifest.keys() else None


def manifest(
    step: Step, wanted: dict[str, Any], root: Path, folder: Path, sources: Iterable[Path] | Mapping[Path, str]
) -> dict[str, Any]:
    """The manifest of a step that has just written a folder, with its key from before; it may be told digests as read."""
    read = sources if isinstance(sources, Mapping) else {path: digest(path) for path in sources}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "step": step.name,
        "key": wanted,
        "files": {path.relative_to(folder).as_posix(): digest(path) for path in files},
        "sources": {_name(path, root): held for path, held in read.items()},
    }


def code(modules: Iterable[Path]) -> dict[str, str]:
    """Modules of this package, and the digest of what each does."""
    return {path.relative_to(PACKAGE).as_posix(): _parsed(path)[0] for path in sorted(modules)}


def imported(path: Path) -> set[Path]:
    """A module's file and those of all modules of this package that it imports, however deep and however late."""
    found: set[Path] = set()
    waiting = {path}
    while waiting:
        module = waiting.pop()
        found.add(module)
        waiting |= {Path(name) for name in _parsed(module)[1]} - found
    return found


def _name(path: Path, root: Path) -> str:
    """A file as the project knows it, so that a copy of the project has nothing to do."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


@cache
def _parsed(path: Path) -> tuple[str, frozenset[str], frozenset[str]]:
    """A module's digest, the files of this package and the libraries that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own: set[str] = set()
    libraries: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                libraries |= {name.name.split(".")[0] for name in names}
            case ast.ImportFrom(level=0, module=str(module), names=names) if module.split(".")[0] == PACKAGE.name:
                base = PACKAGE.joinpath(*module.split(".")[1:])
                own |= {str(file) for name in names for file in _files(base, name.name)}
            case ast.ImportFrom(level=0, module=str(module)):
                libraries.add(module.split(".")[0])
            case ast.ImportFrom(level=level, module=module, names=names) if level:
                base = path.parents[level - 1].joinpath(*(module or "").split("."))
                own |= {str(file) for name in names for file in _files(base, name.name)}
            case ast.Call(func=ast.Name(id="import_module")):  # a file is chosen by its name: any of them may be
                own |= {str(file) for file in path.parent.glob("*.py")}
    # ast.dump leaves out comments, blank lines and positions.
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(own), frozenset(libraries)


def _files(base: Path, name: str) -> Iterable[Path]:
    """The module behind `from base import name`: a module of a package, or the module that holds the name."""
    candidates = (base / f"{name}.py", base.with_suffix(".py"), base / "__init__.py")
    return [path for path in candidates if path.is_file()][:1]


def _libraries(modules: Iterable[Path]) -> set[str]:
    found = {name for path in modules for name in _parsed(path)[2]}
    return found - sys.stdlib_module_names


@cache
def _version(module: str) -> str | None:
    try:
        return version(DISTRIBUTIONS.get(module, module))
    except PackageNotFoundError:
        return None
