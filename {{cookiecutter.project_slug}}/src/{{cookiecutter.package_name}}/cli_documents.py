"""The words for what is told of a project: a model's card, the dictionary of its data, the score of its tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal
from .settings import Settings

if TYPE_CHECKING:
    from .feature_store.views import FeatureView

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
    _out(model_card(read_card(folder / chosen), chosen == now, _views(project_settings())), target)


@documents_app.command()
def dictionary(target: Target = None) -> None:
    """Tell in Markdown what a row holds, what each feature means, and which columns the raw tables had in the last run."""
    from pyarrow.parquet import read_schema

    from .documents import dictionary as told

    settings, tables = project_settings(), sorted((project_folder() / "artifacts" / "ingest").glob("*.parquet"))
    _out(told(settings, _views(settings), {path.stem: read_schema(path) for path in tables}), target)


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


def _views(settings: Settings) -> Sequence[FeatureView]:
    from .feature_store.store import offered
    from .features import VIEWS

    return offered(settings.features, project_folder(), VIEWS)


def _out(text: str, target: Path | None) -> None:
    if target is None:
        typer.echo(text)
        return
    from .documents import write

    if target.suffix != ".md":
        raise Refusal(f"{target} has no ending that says Markdown; give it the ending .md")
    write(text, target)
    typer.echo(f"written: {target}")
