"""The command line: `{{ cookiecutter.project_slug }} --help`.

Heavy libraries are imported by the command that needs them, so that help and a run with nothing to do are quick.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from .cli_documents import documents_app
from .cli_explain import explain_app
from .cli_features import features_app
from .cli_labels import labels_app
from .cli_models import models_app
from .cli_monitor import monitor_app
from .cli_replay import replay_app
from .project import project_folder, project_settings
from .refusal import Refusal
from .settings import Settings

app = typer.Typer(help="Train on raw tables and answer rows.", no_args_is_help=True, pretty_exceptions_enable=False)
for name, words in {"models": models_app, "features": features_app, "labels": labels_app}.items():
    app.add_typer(words, name=name)
for words in (explain_app, monitor_app, replay_app, documents_app):
    app.add_typer(words)


def main() -> None:
    """Run a command; what it refuses is one sentence on stderr and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        sys.exit(f"error: {refusal}")


@app.command()
def run(
    jobs: Annotated[int, typer.Option("--jobs", "-n", min=1, help="how many steps may run at once")] = 1,
) -> None:
    """Run the pipeline: every step that is not fresh, in order."""
    from . import tracking
    from .features import VIEWS
    from .pipeline import engine, outset

    settings = project_settings()
    tracking.check(settings.tracking)
    if said := outset.hint(settings, project_folder(), VIEWS):
        typer.echo(said)
    _pull(settings)
    try:
        code = engine.run(project_folder(), jobs)
    except KeyboardInterrupt:
        typer.echo("interrupted; finished steps stay, and the next run goes on from there", err=True)
        code = 130
    if code:
        raise typer.Exit(code)
    from .pipeline.freshness import asked
    from .pipeline.steps import STEPS
    from .pipeline.summary import show

    for each in STEPS:  # an engine need not ask a step that is fresh
        asked(each, project_folder())
    show(project_folder())
    if settings.tracking.uri:
        typer.echo(_tracked(settings))


@app.command()
def due() -> None:
    """Tell whether a run is due, and why; exit code 0 if so, 3 if not. `due && run` is what a schedule runs."""
    from .pipeline.due import due

    found = due(project_settings(), project_folder(), dt.datetime.now(dt.UTC))
    typer.echo(found.why)
    raise typer.Exit(0 if found.run else 3)


@app.command()
def track() -> None:
    """Log the last run in MLflow; `run` ends with it, where settings.toml says so."""
    settings = project_settings()
    if not settings.tracking.uri:
        raise Refusal("tracking.uri of settings.toml is empty; name there where MLflow keeps runs")
    typer.echo(_tracked(settings))


def _tracked(settings: Settings) -> str:
    from . import tracking

    run = tracking.track(settings, project_folder())
    return f"tracked as {run}" if run else "MLflow has this run already"


@app.command()
def pull() -> None:
    """Land what the databases that settings.toml names have that is new; `run` begins with it."""
    if not _pull(project_settings()):
        raise Refusal("no table of settings.toml has a url; there is nothing to pull")


def _pull(settings: Settings) -> bool:
    """Whether there is a table to pull; those that there are, are."""
    tables = {name: table for name, table in settings.tables.items() if table.url}
    for name, table in tables.items():
        from .data.landing import pull

        typer.echo(f"{name}: rows landed: {pull(name, table, project_folder())}")
    return bool(tables)


@app.command()
def step(
    name: Annotated[str, typer.Argument(help="of the step, as `dag` shows it")],
    force: Annotated[bool, typer.Option(help="run it even if nothing changed")] = False,
) -> None:
    """Run one step in this process; this is what a container runs."""
    from .pipeline.runner import run_step
    from .pipeline.steps import STEPS

    found = [step for step in STEPS if step.name == name]
    if not found:
        raise Refusal(f"there is no step {name!r}; the steps are {', '.join(step.name for step in STEPS)}")
    ran = run_step(found[0], project_settings(), project_folder(), force=force)
    typer.echo(f"{name}: {'done' if ran else 'unchanged'}")


@app.command()
def dag() -> None:
    """Print the steps and what each needs, as a Mermaid picture."""
    from .pipeline.steps import STEPS, mermaid

    typer.echo(mermaid(STEPS))


@app.command()
def verify() -> None:
    """Check that no artifact was altered since its step wrote it."""
    from .digests import changed
    from .pipeline.freshness import artifacts, read_manifest
    from .pipeline.steps import STEPS

    for each in STEPS:
        folder = artifacts(project_folder()) / each.name
        manifest = read_manifest(folder)
        if manifest is None:
            raise Refusal(f"step {each.name} has not finished; run it with `make run`")
        if altered := changed(manifest["files"], folder):
            raise Refusal(f"{folder / altered[0]} is not what step {each.name} wrote; `make run` writes it again")
    typer.echo("every artifact is what its step wrote")


@app.command()
def tune() -> None:
    """Seek better values for settings, on training rows alone, and write them into settings.toml; its tune.space says which."""
    from rich.console import Console
    from rich.progress import Progress

    from .pipeline.tune import tuned

    settings, console = project_settings(), Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("tune", total=settings.tune.trials)
        try:
            for done, line in tuned(settings, project_folder()):
                typer.echo(line)
                progress.update(task, completed=done)
        except KeyboardInterrupt:
            typer.echo("interrupted; finished trials stay, and the next search goes on from there", err=True)
            raise typer.Exit(130) from None


@app.command()
def predict(
    row: Annotated[str | None, typer.Argument(help="a row as JSON; `-` reads it from stdin; without it, an example")] = None,
) -> None:
    """Answer one row, and log it; by its id its label is given."""
    from .serving.contract import parse
    from .serving.predictor import load_predictor

    predictor, now, began = load_predictor(project_folder()), dt.datetime.now(dt.UTC), time.perf_counter()
    card = predictor.bundle.card
    text = sys.stdin.read() if row == "-" else row or json.dumps(card.golden_rows[0])
    replies = predictor.replies(parse(card, text), now)
    request, took = token_hex(16), 1000 * (time.perf_counter() - began)
    log = predictor.log(project_settings(), project_folder())
    ids = log.add([predictor.entry(reply, now, request, "command", took) for reply in replies])
    for number, reply in enumerate(replies):
        typer.echo(json.dumps({"prediction_id": ids and ids[number], **reply.answer}, indent=2, ensure_ascii=False))


@app.command()
def score(
    source: Annotated[Path, typer.Argument(help="a CSV or Parquet file of raw rows", metavar="IN")],
    target: Annotated[Path, typer.Argument(help="the file to write, .csv or .parquet", metavar="OUT")],
) -> None:
    """Answer every row of a file, and log it; by their ids the answers' labels are given."""
    from rich.console import Console
    from rich.progress import Progress

    from .data.sources import row_count
    from .serving import batch

    batch.check_paths(source, target)
    from .serving.predictor import load_predictor

    console, root = Console(stderr=True), project_folder()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("score", total=row_count(source))
        predictor = load_predictor(root)
        log = predictor.log(project_settings(), root)
        for done in batch.score(predictor, source, target, root, dt.datetime.now(dt.UTC), log):
            progress.update(task, completed=done.answered + done.rejected)
    aside = f"; put aside, with reasons: {done.rejected} in {done.aside}" if done.aside else ""
    typer.echo(f"rows answered: {done.answered}; answers: {target}{aside}")


if find_spec(".serving.app", __package__):  # generated with serving = api

    @app.command()
    def serve(
        host: Annotated[str | None, typer.Option(help="address to listen on, instead of the settings'")] = None,
        port: Annotated[
            int | None, typer.Option(min=0, max=65535, help="port to listen on, instead of the settings'; 0 takes a free one")
        ] = None,
        workers: Annotated[int | None, typer.Option(min=1, help="processes that answer, instead of the settings'")] = None,
    ) -> None:
        """Answer requests over HTTP, until Ctrl-C."""
        serving = project_settings().serving
        named = {"host": host, "port": port, "workers": workers}
        chosen = serving.model_copy(update={name: value for name, value in named.items() if value is not None})
        import_module(".serving.workers", __package__).serve(chosen)
