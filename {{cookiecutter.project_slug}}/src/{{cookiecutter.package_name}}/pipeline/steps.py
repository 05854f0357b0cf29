"""The pipeline's table of contents: each step, what it needs, which settings it reads.

This is the only declaration of the DAG; the order, the picture and every engine come from it. A step is a file of its name in
this folder, whose `run` gets the folders of the steps it needs, its settings and its own empty folder, all by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from ..data.sources import raw_files
from ..refusal import Refusal
from ..settings import Settings


@dataclass(frozen=True)
class Step:
    """One step.

    Args:
        name: of the step, of its file here and of its folder below `artifacts/`.
        needs: steps whose folders it reads.
        settings: the sections of settings.toml it reads; a change of another one does not run it again.
        outside: it also gets the project's folder as `root`, to read raw data or to write the registry.
        reads: the files outside that it reads, as far as they can be told beforehand.
    """

    name: str
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    outside: bool = False
    reads: Callable[[Settings, Path], list[Path]] | None = None


def network_files(settings: Settings, root: Path) -> list[Path]:
    """The files of the frozen encoders, with the tokenizers beside them."""
    named = [Path(own.path) for own in settings.encoders.located(root).networks.values()]
    return [path for file in named for path in (file, file.with_name("tokenizer.json")) if path.is_file()]


STEPS = (
    Step("ingest", settings=("tables", "data", "columns", "seed"), outside=True, reads=raw_files),
    Step(
        "validate", needs=("ingest",), settings=("tables", "data", "columns", "validation", "features", "split"), outside=True
    ),
    Step("materialize", needs=("validate",), settings=("features",), outside=True),
    Step("training_set", needs=("validate", "materialize"), settings=("data", "columns", "features", "split")),
    Step("test_set", needs=("validate", "materialize"), settings=("data", "columns", "features", "split")),
    Step(
        "fit",
        needs=("training_set",),
        settings=("data", "columns", "encoders", "model", "cascade", "seed"),
        outside=True,
        reads=network_files,
    ),
    Step("evaluate", needs=("test_set", "fit"), settings=("data", "columns", "split", "model"), outside=True),
    Step(
        "promote",
        needs=("fit", "evaluate"),
        settings=("data", "columns", "validation", "split", "encoders", "model", "cascade", "seed", "gate"),
        outside=True,
    ),
    Step("report", needs=("evaluate", "promote"), settings=("data",)),
    # Yours stand below; an update adds its own above.
)


def ordered(steps: Sequence[Step]) -> list[Step]:
    """The steps, each after those it needs.

    Raises:
        Refusal: a step needs one that is not declared, or itself by a detour.
    """
    by_name = {step.name: step for step in steps}
    for step in steps:
        for need in step.needs:
            if need not in by_name:
                raise Refusal(f"step {step.name} needs {need!r}, which is not declared; the steps are {', '.join(by_name)}")
    try:
        return [by_name[name] for name in TopologicalSorter({step.name: step.needs for step in steps}).static_order()]
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise Refusal(f"the steps need each other in a circle: {cycle}; take one need away") from None


def needed(steps: Sequence[Step], name: str) -> list[Step]:
    """A step and all that it needs, in order."""
    wanted = {name}
    for step in reversed(ordered(steps)):
        wanted |= set(step.needs) if step.name in wanted else set()
    return [step for step in ordered(steps) if step.name in wanted]


def mermaid(steps: Sequence[Step]) -> str:
    """The DAG as Mermaid text, as it stands in the README."""
    lines = ["flowchart LR"]
    for step in steps:
        lines += [f"    {need} --> {step.name}" for need in step.needs] or [f"    {step.name}"]
    return "\n".join(lines)
