"""The word `replay`: logged answers are given again."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

replay_app = typer.Typer()
LAST = 1000  # answers, if nothing is said


@replay_app.command()
def replay(
    last: Annotated[int | None, typer.Option(min=1, help=f"how many of the newest answers; {LAST}, if nothing is said")] = None,
    since: Annotated[dt.datetime | None, typer.Option(help="a time in UTC, from which on all are")] = None,
) -> None:
    """Give logged answers again, each by the model that gave it; exit code 1 where one is another now."""
    from . import registry
    from .prediction_log import read
    from .replay import replay as replayed

    settings, root = project_settings(), project_folder()
    folder = root / settings.logging.folder
    log = read(folder, since and since.replace(tzinfo=dt.UTC), last=LAST if last is None and since is None else last)
    if log.empty:
        raise Refusal(f"no answer is logged in {folder} for that time; there is nothing to replay")
    found = replayed(log, folder, lambda version: registry.load(root / registry.FOLDER, version, settings.model.saved_as))
    typer.echo(f"answers: {len(log)}; given again, and equal: {found.equal}")
    for why, count in found.left_out.items():
        typer.echo(f"not replayed: {count}: {why}")
    if len(found.differences):
        first, rows = found.differences.iloc[0], found.differences["id"].nunique()
        raise Refusal(
            f"{rows} answers are others now; the first is {first['id']}, whose {first['field']} was {first['logged']!r} and is "
            f"{first['replayed']!r}: see what changed since, the model's libraries or its files"
        )
