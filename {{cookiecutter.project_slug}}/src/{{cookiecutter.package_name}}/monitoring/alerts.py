"""Alerts: an alarm is told once when it begins and once when it is over, in a file and to a webhook.

What is open, and what a webhook has not taken yet, is kept; after a kill an alert may be told twice, but none is lost.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from pydantic import Field, ValidationError

from ..operations import Monitoring
from ..refusal import Refusal
from ..sections import Section
from .finding import Finding

STATE, LOG = "open_alerts.json", "alerts.jsonl"
SECONDS = 10.0  # that a webhook has for its answer
HERE = ("127.0.0.1", "::1", "localhost")


class Undelivered(Refusal):
    """Alerts that a webhook did not take; they wait for the next time."""


class Alert(Section):
    """An alarm that began or is over.

    Attributes:
        event: which of the two.
        name: of the finding.
        kind: of the finding.
        sentence: what was found; of one that is over, what is found now.
        at: when it was noticed.
        since: when the alarm began.
        model: that answered when it began.
    """

    event: Literal["alarm", "resolved"]
    name: str
    kind: str
    sentence: str
    at: str
    since: str
    model: str


class State(Section):
    """What is open, by the finding's name, and what waits for the webhook."""

    format: Literal[1] = 1
    open: dict[str, Alert] = Field(default_factory=dict)
    waiting: tuple[Alert, ...] = ()


def read_state(folder: Path) -> State:
    """What was kept the last time; nothing is open at first.

    Raises:
        Refusal: it cannot be read.
    """
    try:
        return State.model_validate_json((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    except (ValidationError, UnicodeDecodeError):
        raise Refusal(
            f"{folder / STATE} cannot be read, expected what `monitor` writes there; remove it: all is told anew"
        ) from None


def changes(state: State, findings: Sequence[Finding], model: str, now: dt.datetime) -> list[Alert]:
    """What began and what is over since the last time.

    A finding that is not there could not be judged this time, and its alarm stays open while the same model answers.

    Args:
        state: as it was.
        findings: of this time.
        model: the version that answers.
        now: the time.
    """
    at, by_name = now.isoformat(timespec="seconds"), {finding.name: finding for finding in findings}
    told = []
    for name, before in state.open.items():
        found = by_name.get(name)
        if found is None and before.model == model:
            continue
        if found is None or not found.alarm:
            why = found.sentence if found else f"model {model} answers now"
            told.append(before.model_copy(update={"event": "resolved", "sentence": why, "at": at}))
    for finding in findings:
        if finding.alarm and finding.name not in state.open:
            what = {"name": finding.name, "kind": finding.kind, "sentence": finding.sentence}
            told.append(Alert(event="alarm", **what, at=at, since=at, model=model))
    return told


def keep(folder: Path, state: State, told: Sequence[Alert], rules: Monitoring) -> State:
    """Write down what began and what is over, and tell what is open by now.

    Args:
        folder: of the monitoring.
        state: as it was.
        told: what `changes` says.
        rules: whether the file and the webhook are to be told.
    """
    if told and "file" in rules.alerts:
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(alert.model_dump(), ensure_ascii=False)}\n" for alert in told)
    over = {alert.name for alert in told if alert.event == "resolved"}
    still = {name: alert for name, alert in state.open.items() if name not in over}
    began = {alert.name: alert for alert in told if alert.event == "alarm"}
    waiting = (*state.waiting, *told) if "webhook" in rules.alerts else ()
    return _write(folder, State(open=still | began, waiting=waiting))


def deliver(folder: Path, state: State, rules: Monitoring, environment: Mapping[str, str] = os.environ) -> None:
    """Post what waits to the webhook, all at once.

    Raises:
        Undelivered: it cannot be reached or does not take it; the alerts go on waiting.
    """
    if not state.waiting:
        return
    waits = f"; the alerts that wait for the next time: {len(state.waiting)}"
    url = environment.get(rules.webhook, "") if rules.webhook else ""
    if reason := _unfit(url, rules.webhook):
        raise Undelivered(f"{reason}{waits}")
    lines = [f"{alert.event}: {alert.sentence}" for alert in state.waiting]
    body = {"format": 1, "text": "\n".join(lines), "alerts": [alert.model_dump() for alert in state.waiting]}
    try:
        request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 its scheme was checked
        with _opener(urlsplit(url).hostname in HERE).open(request, timeout=SECONDS) as reply:
            reply.read()
    except HTTPError as error:
        raise Undelivered(f"the webhook in {rules.webhook} answers {error.code}; see what it wants{waits}") from None
    except (OSError, HTTPException, ValueError) as error:  # what they quote may be the URL, which is a secret
        why = type(getattr(error, "reason", error)).__name__
        raise Undelivered(f"the webhook in {rules.webhook} cannot be reached ({why}); mend it{waits}") from None
    _write(folder, state.model_copy(update={"waiting": ()}))


def _unfit(url: str, variable: str) -> str:
    """Why nothing can be posted to a URL; empty if it can."""
    if not variable:
        return (
            "monitoring.alerts has a webhook, and monitoring.webhook names no variable; name there the one that holds its URL"
        )
    if not url:
        return f"monitoring.alerts has a webhook, and the environment variable {variable} is not set; put its URL there"
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"what {variable} holds cannot be read as a URL; mend it"
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in HERE):
        return f"the URL in {variable} begins with neither https:// nor http://localhost; mend it"
    return ""


class _Straight(HTTPRedirectHandler):
    """Follows nowhere: an alert goes to the URL that was named, or stays."""

    def redirect_request(self, *_: Any) -> None:
        """Nothing to follow."""


def _opener(here: bool) -> OpenerDirector:
    return build_opener(_Straight, *([ProxyHandler({})] if here else []))


def _write(folder: Path, state: State) -> State:
    new = folder / f".{STATE}.{os.getpid()}"
    new.write_text(state.model_dump_json(indent=1), encoding="utf-8")
    new.replace(folder / STATE)
    return state
