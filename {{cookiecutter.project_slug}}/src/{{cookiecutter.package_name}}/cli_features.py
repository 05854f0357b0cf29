"""The commands of the feature store: `{{ cookiecutter.project_slug }} features --help`."""

from __future__ import annotations

import datetime as dt
import json
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

features_app = typer.Typer(help="The features that models read.", no_args_is_help=True)
Entity = Annotated[list[str], typer.Argument(help="its keys, such as user_id=7; 7, if it has one", metavar="KEY=VALUE...")]


@features_app.command("list")
def features_list() -> None:
    """List the features with their meaning and who answers for them."""
    from .feature_store.store import offered
    from .features import VIEWS

    views = offered(project_settings().features, project_folder(), VIEWS)
    for view in views:
        ttl = f"valid {view.ttl}" if view.ttl else "valid for ever"
        typer.echo(f"{view.name}: {view.description} (by {', '.join(view.keys)}, {ttl}, owner {view.owner})")
        for feature in view.features:
            pii = ", pii" if feature.pii else ""
            unit = "" if feature.unit == "1" else f", {feature.unit}"
            typer.echo(f"  {feature.name}: {feature.description} [{feature.dtype}{unit}{pii}]")
    if not views:
        typer.echo("features.py defines no view; the model reads the rows alone")


@features_app.command("show")
def features_show(name: Annotated[str, typer.Argument(help="of the view, as `features list` shows it")]) -> None:
    """Show what the store holds of a view, and the SQL that it was made by."""
    from .feature_store.catalog import read_catalog

    catalog = read_catalog(_store())
    if name not in catalog.logs:
        raise Refusal(f"the feature store has no view {name!r}; it has {', '.join(catalog.logs) or 'none'}")
    log = catalog.logs[name]
    keys = (f"{key} ({type_})" for key, type_ in zip(log.view.keys, log.key_types, strict=True))
    typer.echo(f"{name}: {log.view.description}")
    typer.echo(f"key: {', '.join(keys)}")
    typer.echo(f"rows: {log.rows}, in {len(log.parts)} files, as of {catalog.as_of:%Y-%m-%d %H:%M:%S %Z}")
    for deletion in catalog.deletions:
        if name in deletion.rows:
            typer.echo(
                f"deleted: {deletion.rows[name]} rows of one {', '.join(deletion.keys)}, at {deletion.at:%Y-%m-%d %H:%M:%S %Z}"
            )
    typer.echo(textwrap.dedent(log.view.sql).strip())


@features_app.command("materialize")
def features_materialize(
    anew: Annotated[bool, typer.Option(help="forget what raw tables no longer tell, and compute every view again")] = False,
) -> None:
    """Bring the store up to date with the raw tables, without training."""
    from .feature_store.catalog import CATALOG, read_catalog
    from .feature_store.materialization import materialize
    from .features import VIEWS
    from .pipeline.freshness import artifacts
    from .pipeline.runner import run_step
    from .pipeline.steps import STEPS, needed

    store, root, settings = _our_store(), project_folder(), project_settings()
    before = read_catalog(store).logs if (store / CATALOG).exists() else {}
    *earlier, last = needed(STEPS, "materialize")
    for step in earlier:
        run_step(step, settings, root)
    if anew:
        tables = {path.stem: path for path in sorted((artifacts(root) / "validate").glob("*.parquet"))}
        materialize(store, VIEWS, tables, dt.datetime.now(dt.UTC), memory_limit=settings.features.memory_limit)
    run_step(last, settings, root, force=True)
    for name, log in read_catalog(store).logs.items():
        typer.echo(f"{name}: {log.rows} rows, {log.rows - (before[name].rows if name in before else 0):+}")


@features_app.command("get")
def features_get(entity: Entity) -> None:
    """Print what is known of an entity now, as serving sees it."""
    from .feature_store.store import FeatureStore

    store, key = FeatureStore(_store()), _key(entity)
    names = [name for view in store.views if set(view.keys) <= key.keys() for name in view.names]
    if not names:
        raise Refusal(f"no view is keyed by {', '.join(key)} alone; `features list` shows the keys")
    [found] = store.get_online_features(names, [key], dt.datetime.now(dt.UTC))
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@features_app.command("history")
def features_history(
    labels: Annotated[Path, typer.Argument(help="a CSV or Parquet file of keys and times")],
    target: Annotated[Path, typer.Argument(help="the file to write, .csv or .parquet", metavar="OUT")],
    time: Annotated[str, typer.Option(help="the labels' time column")],
) -> None:
    """Write beside each label the features that it could have known then."""
    import pandas as pd
    from rich.console import Console
    from rich.progress import Progress

    from .data.sources import read_files
    from .feature_store.store import FeatureStore
    from .serving.batch import check_paths, write

    check_paths(labels, target)
    rows = read_files([labels])
    if time not in rows:
        raise Refusal(f"{labels} has no column {time!r}; its columns are {', '.join(map(str, rows.columns))}")
    store = FeatureStore(_store())
    views = [view for view in store.views if set(view.keys) <= set(rows.columns)]
    names = [name for view in views for name in view.names]
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as shown:
        tasks = {view.name: shown.add_task(view.name, total=None) for view in views}
        found = store.get_historical_features(
            rows,
            names,
            time,
            memory_limit=project_settings().features.memory_limit,
            progress=lambda view, done, total: shown.update(tasks[view], completed=done, total=total),
        )
    write(pd.concat([rows.drop(columns=names, errors="ignore"), found], axis="columns"), target)
    typer.echo(f"labels: {len(rows)}; features: {', '.join(names) or 'none'}; written: {target}")


@features_app.command("delete")
def features_delete(entity: Entity) -> None:
    """Remove what is known of an entity from store, log and labels; raw tables and trained models are yours to see to."""
    from . import labels
    from .feature_store.deletion import delete

    settings, key = project_settings(), _key(entity)
    if list(key) == [settings.data.entity]:  # first, for the log is ours even where the store is not
        answers, told = labels.forget(project_folder() / settings.logging.folder, key[settings.data.entity])
        typer.echo(f"prediction log: {answers} answers and {told} labels removed")
    else:
        typer.echo(f"prediction log: nothing removed, for answers are known by {settings.data.entity} alone")
    if key.keys() <= _key_types().keys():
        for name, rows in delete(_our_store(), key, dt.datetime.now(dt.UTC)).items():
            typer.echo(f"{name}: {rows} rows removed")
    else:
        typer.echo(f"feature store: nothing removed, for no view is keyed by {settings.data.entity}")
    typer.echo("artifacts/ and models/ hold what was learned from them until `make run`; the raw tables are as they were")


def _key(words: list[str]) -> dict[str, int | str]:
    """An entity as it was typed, its key in the store's types; that of the rows is one also where no view has it."""
    types = {project_settings().data.entity: "str"} | _key_types()
    found: dict[str, int | str] = {}
    for word in words:
        name, _, value = (word if "=" in word or len(types) > 1 else f"{next(iter(types))}={word}").partition("=")
        if name not in types:
            raise Refusal(f"{word!r} names no key; write KEY=VALUE, the key one of {', '.join(types)}")
        if types[name] == "int" and not value.removeprefix("-").isdecimal():
            raise Refusal(f"{word!r}: {name} is a whole number; give one")
        found[name] = int(value) if types[name] == "int" else value
    return found


def _key_types() -> dict[str, str]:
    """The keys of the views in the store, and what they are made of."""
    from .feature_store.catalog import read_catalog

    logs = read_catalog(_store()).logs.values()
    return {key: type_ for log in logs for key, type_ in zip(log.view.keys, log.key_types, strict=True)}


def _store() -> Path:
    return project_settings().features.folder(project_folder())


def _our_store() -> Path:
    """The store's folder, to write to."""
    if not project_settings().features.is_ours(project_folder()):
        raise Refusal(
            f"the feature store at {_store()} is another project's and only read here; type this there, or set features.store "
            "to a folder of this project"
        )
    return _store()
