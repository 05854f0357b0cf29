"""The word `monitor`: the latest answers are looked at, and alarms are told."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from .project import project_folder, project_settings
from .refusal import Refusal

monitor_app = typer.Typer()


@monitor_app.command()
def monitor(
    at: Annotated[str | None, typer.Option(help="look back at the window that ended then, and tell nobody; ISO 8601")] = None,
) -> None:
    """Look at the latest answers; exit code 3 if something is worth an alarm, 0 if not."""
    from .monitoring.monitor import monitored

    settings, root, now = project_settings(), project_folder(), dt.datetime.now(dt.UTC)
    end = now if at is None else _time(at, now)
    outcome = monitored(settings, root, end, look_back=at is not None)
    if at or "stdout" in settings.monitoring.alerts:
        began = {alert.name for alert in outcome.told}
        for finding in outcome.alarms:
            typer.echo(f"{'alarm' if at or finding.name in began else 'still'}: {finding.sentence}")
        for alert in outcome.told:
            if alert.event == "resolved":
                typer.echo(f"resolved: {alert.name}: {alert.sentence}")
    count = len(outcome.alarms)
    typer.echo(
        f"model {outcome.model}: alarms: {count}, of {len(outcome.findings)} things looked at; {outcome.page.relative_to(root)}"
    )
    if outcome.undelivered:
        raise outcome.undelivered
    raise typer.Exit(3 if count else 0)


def _time(text: str, now: dt.datetime) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--at is {text!r}, expected a time such as 2026-05-01T12:00:00Z") from None
    found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    if found > now:
        raise Refusal(f"--at is {text!r}, which is still to come; give a time that has passed")
    return found
