"""The words of `models`: which models there are, in what they differ, and which one answers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

Version = Annotated[str, typer.Argument(help="as `models list` shows it, or its beginning")]
models_app = typer.Typer(help="The registry of trained models.", no_args_is_help=True)


@models_app.command("list")
def models_list() -> None:
    """List the trained models; `*` marks the one that answers, `<` the one that `models rollback` leads to."""
    from . import fitness, registry

    settings, root = project_settings(), project_folder()
    folder = root / registry.FOLDER
    known = {card.version: card for card in registry.cards(folder)}  # the oldest first
    promoted = registry.current_version(folder)
    back, _ = registry.way_back(folder, lambda version: fitness.fits(known[version], settings, root))
    marks = {back: "<", promoted: "*"}
    for version, card in known.items():
        scores = "  ".join(f"{name} {value:z.3f}" for name, value in card.scores.items())
        when = f"{registry.finished_at(folder, version):%Y-%m-%d %H:%M}"
        typer.echo(f"{marks.get(version, ' ')} {version}  {when}  {card.data.target}  {card.candidate}  {scores}")
    if promoted is None:
        typer.echo("no model is promoted; train one with `make run`")


@models_app.command("promote")
def models_promote(version: Version) -> None:
    """Let a model answer, once it has proved itself."""
    from . import fitness, registry

    settings, root = project_settings(), project_folder()
    whole = registry.named(root / registry.FOLDER, version)
    fitness.fitting(settings, root, whole)
    registry.promote(root / registry.FOLDER, whole)
    typer.echo(f"model {whole} answers now")


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
    one: Version,
    other: Annotated[str, typer.Argument(help="another one; without it, the one that answers")] = "",
) -> None:
    """Tell in what two models differ, and how they scored."""
    from . import registry
    from .card import read_card
    from .differences import differences

    folder = project_folder() / registry.FOLDER
    two = [registry.named(folder, version) for version in (one, other or registry.current_version(folder) or "")]
    for name, was, now in differences(*(read_card(folder / version) for version in two)):
        typer.echo(f"{name:24} {was:>28} {now:>28}")


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
    other = registry.named(folder, other)
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
    """Let the newest model before that may answer do so again."""
    from . import fitness, registry

    settings, root = project_settings(), project_folder()
    folder = root / registry.FOLDER
    left = registry.current_version(folder)
    version, passed = registry.rollback(folder, lambda version: fitness.fitting(settings, root, version))
    for other, why in passed.items():
        typer.echo(f"model {other} is passed over: {why.removeprefix(f'model {other} ')}")
    typer.echo(f"model {left} answers no more")
    typer.echo(f"model {version} answers now")
