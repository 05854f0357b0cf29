"""The words for what is told of a project: a model's card, the dictionary of its data, the score of its tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

documents_app = typer.Typer()
Target = Annotated[Path | None, typer.Argument(help="the .md file to write; without it, it is printed", metavar="OUT")]


@documents_app.command()
def card(
    target: Target = None,
    version: Annotated[
        str, typer.Option(help="as `models list` shows it, or its beginning; without it, the one that answers")
    ] = "",
) -> None:
    """Tell in Markdown what a model is for, what it reads, how good it is and what it was made of."""
    from . import registry
    from .card import read_card
    from .documents import model_card

    folder = project_folder() / registry.FOLDER
    now = registry.current_version(folder)
    chosen = registry.named(folder, version or now or "")
    _out(model_card(read_card(folder / chosen), chosen == now), target)


@documents_app.command()
def dictionary(target: Target = None) -> None:
    """Tell in Markdown what a row holds, and what each feature means."""
    from .documents import dictionary as told
    from .feature_store.store import offered
    from .features import VIEWS

    settings = project_settings()
    _out(told(settings, offered(settings.features, project_folder(), VIEWS)), target)


@documents_app.command()
def scorecard() -> None:
    """Count the ML Test Score from what the last `make test` and `monitor` have left; docs/scorecard.md says of what."""
    from .scorecard import counted, totals

    found = counted(project_folder(), dt.datetime.now(dt.UTC))
    for one in found:
        lacks = f"  {one.lacks}" if one.lacks else ""
        typer.echo(f"{one.points:3g}  {one.row.section} {one.row.number}: {one.row.asks}{lacks}")
    sums = totals(found)
    typer.echo(", ".join(f"{section} {points:g}" for section, points in sums.items()))
    typer.echo(f"ML Test Score: {min(sums.values()):g}, the least of the four sections")


def _out(text: str, target: Path | None) -> None:
    if target is None:
        typer.echo(text)
        return
    from .documents import write

    if target.suffix != ".md":
        raise Refusal(f"{target} has no ending that says Markdown; give it the ending .md")
    write(text, target)
    typer.echo(f"written: {target}")
