"""The words `log` and `replay`: logged answers are shown, or given again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

if TYPE_CHECKING:
    import pandas as pd

replay_app = typer.Typer()
LAST, SHOWN = 1000, 20  # answers to replay, and to show, if nothing is said


def utc(text: str) -> dt.datetime:
    """A time; without a zone it is in UTC.

    Raises:
        Refusal: it is none.
    """
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--since is {text!r}, expected a time in UTC such as 2026-05-01 or 2026-05-01T12:30") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


Key = Annotated[str | None, typer.Option(help="of an entity: its answers alone")]
Id = Annotated[str | None, typer.Option("--id", help="of an answer, its prediction_id: that one alone")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="in UTC, such as 2026-05-01T12:30; from then on all")]


@replay_app.command("log")
def log_(
    key: Key = None,
    since: Since = None,
    last: Annotated[int | None, typer.Option(min=1, help=f"how many of the newest; {SHOWN}, if nothing is said")] = None,
) -> None:
    """Show logged answers, the newest first, a line each; `explain ID` tells why one is what it is."""
    from .explanation import show
    from .logged_answer import listed

    found = _asked(key, None, since, last, SHOWN)
    show([listed(found, f"logged answers: {len(found)}, the newest first")])


@replay_app.command()
def replay(
    key: Key = None,
    id_: Id = None,
    since: Since = None,
    last: Annotated[int | None, typer.Option(min=1, help=f"how many of the newest answers; {LAST}, if nothing is said")] = None,
) -> None:
    """Give logged answers again, each by the model that gave it; exit code 1 where one is another now, or its model is gone."""
    from . import registry
    from .replay import MASKED, NOT_KEPT
    from .replay import replay as replayed

    settings, root = project_settings(), project_folder()
    log = _asked(key, id_, since, last, LAST)
    folder, models = root / settings.logging.folder, root / registry.FOLDER
    found = replayed(log, folder, lambda version: registry.load(models, version, settings.model.saved_as))
    typer.echo(f"answers: {len(log)}; given again, and equal: {found.equal}")
    for one, why in found.left_out.items():
        typer.echo(f"{one}: not replayed: {why}")
    for _, one, field, was, now in found.differences.itertuples():
        typer.echo(f"{one}: another answer: {field} was {was!r} and is {now!r}")
    if len(found.differences):
        first, rows = found.differences.iloc[0], found.differences["id"].nunique()
        raise Refusal(
            f"{rows} answers are others now; the first is {first['id']}, whose {first['field']} was {first['logged']!r} and is "
            f"{first['replayed']!r}: see what changed since, the model's libraries or its files"
        )
    gone = sum(why not in (MASKED, NOT_KEPT) for why in found.left_out.values())
    if gone:
        raise Refusal(f"{gone} answers were not replayed, for their models cannot be loaded; gate.keep says how many are kept")


def _asked(key: str | None, id_: str | None, since: str | None, last: int | None, usual: int) -> pd.DataFrame:
    """The logged answers that are asked for; the usual number of the newest, where neither time nor number nor id is said."""
    from .prediction_log import read

    folder = project_folder() / project_settings().logging.folder
    found = read(folder, utc(since) if since else None, last=usual if last is None and since is None else last, id=id_, key=key)
    if found.empty:
        asked = {"id": id_, "key": key, "since": since}
        said = ", ".join(f"{name} = {value}" for name, value in asked.items() if value is not None)
        raise Refusal(f"no answer is logged in {folder}{f' with {said}' if said else ''}; `log` shows those that there are")
    return found
