"""The words of `models`: which models there are, in what they differ, and which one answers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

models_app = typer.Typer(help="The registry of trained models.", no_args_is_help=True)


@models_app.command("list")
def models_list() -> None:
    """List the trained models; the one that answers is marked."""
    from . import registry

    folder = project_folder() / registry.FOLDER
    promoted = registry.current(folder)
    for card in registry.cards(folder):  # the oldest first
        mark = "*" if promoted and promoted["version"] == card.version else " "
        scores = "  ".join(f"{name} {value:.3f}" for name, value in card.scores.items())
        typer.echo(f"{mark} {card.version}  {card.candidate}  {scores}")
    if promoted is None:
        typer.echo("no model is promoted; train one with `make run`")


@models_app.command("promote")
def models_promote(version: Annotated[str, typer.Argument(help="as `models list` shows it")]) -> None:
    """Let a model answer, once it has proved itself."""
    from . import registry

    settings = project_settings()
    bundle = registry.load(project_folder() / registry.FOLDER, version, settings.model.saved_as)
    registry.check(bundle.card, settings.data)
    registry.promote(project_folder() / registry.FOLDER, version)
    typer.echo(f"model {version} answers now")


@models_app.command("waiting")
def models_waiting() -> None:
    """Name the model that passed the gate and waits for a hand; exit code 0 if there is one, 3 if not."""
    from .pipeline.promote import waiting

    version = waiting(project_folder())
    typer.echo(version or "no model waits for a hand", err=version is None)
    raise typer.Exit(0 if version else 3)


@models_app.command("export")
def models_export(target: Annotated[Path, typer.Argument(help="the folder to write", metavar="OUT")]) -> None:
    """Write the model that answers as a registry of its own, as the image of a release takes it."""
    from . import registry

    version = registry.export(project_folder() / registry.FOLDER, target, project_settings().model.saved_as)
    typer.echo(f"model {version} is in {target}")


@models_app.command("compare")
def models_compare(
    one: Annotated[str, typer.Argument(help="as `models list` shows it")],
    other: Annotated[str, typer.Argument(help="another one; without it, the one that answers")] = "",
) -> None:
    """Tell in what two models differ, and how they scored."""
    from . import registry

    folder = project_folder() / registry.FOLDER
    known = {card.version: card for card in registry.cards(folder)}
    two = [one, other or registry.current_version(folder) or ""]
    for version in two:
        if version not in known:
            raise Refusal(f"there is no model {version!r}; the finished ones are: {', '.join(known) or 'none'}")
    for name, was, now in registry.differences(*(known[version] for version in two)):
        typer.echo(f"{name:24}{was:>28}{now:>28}")


@models_app.command("trial")
def models_trial(
    version: Annotated[str, typer.Argument(help="of the second model; without it, the one of [serving.candidate]")] = "",
) -> None:
    """Tell how a second model does beside the one that answers, by the labels that came back, and what follows from it."""
    from . import registry
    from .monitoring.trial import stopped, trials

    settings, root = project_settings(), project_folder()
    other = version or settings.serving.candidate.version
    if not other:
        raise Refusal("no second model is tried: settings.toml names none in [serving.candidate]; name one there, or here")
    folder, saved_as = root / registry.FOLDER, settings.model.saved_as
    champion, second = registry.load(folder, saved_as=saved_as), registry.load(folder, other, saved_as)
    for trial in trials(settings, root, champion, second, dt.datetime.now(dt.UTC)):
        typer.echo(f"as {trial.variant}, by {settings.gate.metric}:")
        for side in trial.sides:
            score = side.score or "no label yet"
            typer.echo(
                f"  {side.model}  {score}  labels {side.labels}  answers {side.answers}  "
                f"ms {side.middle_ms:.1f}, of one in twenty above {side.p95_ms:.1f}"
            )
        typer.echo(trial.verdict)
    if why := stopped(root / settings.logging.folder, other):
        typer.echo(f"a server has stopped trying it: {why}")


@models_app.command("rollback")
def models_rollback() -> None:
    """Let the model before answer again."""
    from . import registry

    version = registry.rollback(project_folder() / registry.FOLDER, project_settings().model.saved_as)
    typer.echo(f"model {version} answers now")
