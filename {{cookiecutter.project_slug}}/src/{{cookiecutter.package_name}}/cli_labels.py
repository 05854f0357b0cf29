"""The words of `labels`: what was true of logged answers, which of them somebody should look at, and what is learned of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .operations import Source
from .project import project_folder, project_settings

if TYPE_CHECKING:
    from .labels import Label

labels_app = typer.Typer(help="What was true of logged answers.", no_args_is_help=True)
IDS = ("prediction_id", "id")  # as `score` and `labels review` write them


@labels_app.command("add")
def labels_add(
    file: Annotated[Path, typer.Argument(help="a CSV or Parquet file with id and label, and source and by if you like")],
    source: Annotated[Source | None, typer.Option(help="of all of them, instead of the file's")] = None,
    by: Annotated[str | None, typer.Option(help="who says so, instead of the file's")] = None,
) -> None:
    """Say what was true of logged answers; rows without a label are left out."""
    from . import labels
    from .data.sources import SourceError, read_files

    settings = project_settings()
    if file.suffix not in (".csv", ".parquet") or not file.is_file():
        raise SourceError(f"there is no .csv or .parquet file {str(file)!r}; mend the path, or give it one of these endings")
    words = {*IDS, "source", "by"} | ({"label"} if settings.data.task == "classification" else set())
    rows = read_files([file], words)
    named = [name for name in IDS if name in rows]
    if not named or "label" not in rows:
        raise SourceError(f"{file} has the columns {', '.join(map(str, rows.columns))}; labels have the columns id and label")
    told = rows[rows["label"].notna() & (rows["label"].astype("str") != "")]
    found = [_label(row, named[0], settings.data.task, source, by) for row in told.to_dict(orient="records")]
    new = labels.add(project_folder() / settings.logging.folder, found, dt.datetime.now(dt.UTC))
    typer.echo(f"labels: {len(found)}; new: {new}; rows without a label: {len(rows) - len(told)}")


@labels_app.command("review")
def labels_review(target: Annotated[Path, typer.Argument(help="the file to write, .csv or .parquet", metavar="OUT")]) -> None:
    """Write the answers that somebody should look at, the unsurest first; filled in, give them back with `labels add`."""
    from .feedback import review
    from .serving.batch import check_target, write

    check_target(target)
    settings = project_settings()
    rows = review(project_folder() / settings.logging.folder, settings)
    write(rows, target)
    typer.echo(
        f"answers below {settings.feedback.review_below:g} that nobody has labelled: {len(rows)}; written: {target}; fill in "
        f"`label`, then type `labels add {target} --source review --by NAME`"
    )


@labels_app.command("collect")
def labels_collect(
    target: Annotated[Path, typer.Argument(help="the .parquet file to write", metavar="OUT")],
    pictures: Annotated[
        Path | None, typer.Option(help="a folder for pictures, if your table holds paths; without it, the rows hold them")
    ] = None,
) -> None:
    """Write labelled answers as one more file of the table that `data.rows` names."""
    from .data.sources import SourceError
    from .feature_store.store import offered
    from .feature_store.views import features_by_name
    from .features import VIEWS
    from .feedback import collect, with_paths
    from .serving.batch import check_target, put

    check_target(target)
    if target.suffix != ".parquet":
        raise SourceError(f"{target} cannot hold pictures and the types of columns; give it the ending .parquet")
    settings, root = project_settings(), project_folder()
    found = collect(root / settings.logging.folder, settings, features_by_name(offered(settings.features, root, VIEWS)))
    images = settings.columns.image
    put([with_paths(found.rows, images, pictures) if pictures else found.rows], target)
    told = ", ".join(f"{name} {count}" for name, count in found.sources.items())
    typer.echo(f"rows: {found.rows.num_rows} ({told}); written: {target}")
    for why, count in found.left_out.items():
        typer.echo(f"left out: {count}: {why}")


def _label(row: Any, name: str, task: str, source: Source | None, by: str | None) -> Label:
    from .labels import Label, formed

    said = {"source": source or row.get("source"), "by": by or row.get("by")}
    given = {word: str(value) for word, value in said.items() if value is not None and value == value}
    return Label(str(row[name]), formed(row["label"], task), **given)  # type: ignore[arg-type]  # `add` checks the source
