"""The word `explain`: why an answer is what it is, a logged one or that of an entity's row."""

from __future__ import annotations

from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

explain_app = typer.Typer()
NEWEST = 5  # logged answers that are named


@explain_app.command()
def explain(
    key: Annotated[str, typer.Argument(help="of a logged answer, its prediction_id, or of a row's entity", metavar="ID")],
    row: Annotated[int | None, typer.Option(help="which of its rows, 1 for the oldest; without it, the newest")] = None,
    version: Annotated[str | None, typer.Option(help="of the model that shall read the entity's row")] = None,
) -> None:
    """Show why an answer is what it is: a logged one by its id, or that to an entity's row, in every step from raw on."""
    from . import logged_answer, prediction_log
    from .explanation import explained, show

    settings, root = project_settings(), project_folder()
    if logged_answer.IDENTITY.fullmatch(key):
        if row is not None or version is not None:
            raise Refusal(f"{key} is a logged answer, which has one row and one model; leave --row and --version out")
        log = logged_answer.found(settings, root, key)
        show(logged_answer.as_logged(log))
        show(logged_answer.why(settings, root, log))
        return
    first, *parts = explained(settings, root, key, row, version)
    log = prediction_log.read(root / settings.logging.folder, last=NEWEST, key=key)
    title = "its newest logged answers: `explain ID` shows one of these"
    show([first, *([] if log.empty else [logged_answer.listed(log, title)]), *parts])
