"""Alerts: told once when an alarm begins and once when it is over, by a file and a webhook that may be out."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.monitoring import alerts
from {{ cookiecutter.package_name }}.monitoring.alerts import Undelivered
from {{ cookiecutter.package_name }}.monitoring.finding import Finding
from {{ cookiecutter.package_name }}.operations import Monitoring
from {{ cookiecutter.package_name }}.refusal import Refusal

NOW = dt.datetime(2026, 5, 8, 12, tzinfo=dt.UTC)
RULES = Monitoring(alerts=("file", "webhook"), webhook="ALERTS_URL")


def finding(name: str, alarm: bool = True) -> Finding:
    """Of a column that drifted, or did not."""
    return Finding("drift", name, alarm, f"{name} {'drifted' if alarm else 'is as it was'}")


def looked(folder: Path, *findings: Finding, model: str = "v1", rules: Monitoring = RULES) -> list[tuple[str, str]]:
    """What a look tells, an event and a name each; it is written down."""
    state = alerts.read_state(folder)
    told = alerts.changes(state, findings, model, NOW)
    alerts.keep(folder, state, told, rules)
    return [(alert.event, alert.name) for alert in told]


@contextmanager
def webhook(code: int = 200, **headers: str) -> Iterator[tuple[str, list[Any]]]:
    """A server on this machine that answers so, and what was posted to it."""
    posted: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            posted.append("followed")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hook", posted
        finally:
            server.shutdown()
            thread.join()


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over(tmp_path: Path) -> None:
    """Not in between; and again, once it comes again."""
    told = [looked(tmp_path, finding("a", alarm), finding("b", False)) for alarm in (True, True, True, False, False, True)]

    assert [[("alarm", "a")], [], [], [("resolved", "a")], [], [("alarm", "a")]] == told
    lines = [json.loads(line) for line in (tmp_path / alerts.LOG).read_text(encoding="utf-8").splitlines()]
    assert [("alarm", "a drifted"), ("resolved", "a is as it was"), ("alarm", "a drifted")] == [
        (line["event"], line["sentence"]) for line in lines
    ]


def test_what_could_not_be_judged_stays_open(tmp_path: Path) -> None:
    """Too few rows are no good news; another model is a new beginning."""
    looked(tmp_path, finding("a"))

    assert [] == looked(tmp_path, finding("too few", False))
    assert [] == looked(tmp_path, finding("a"))
    assert [("resolved", "a")] == looked(tmp_path, finding("too few", False), model="v2")
    assert [("alarm", "a")] == looked(tmp_path, finding("a"), model="v2")


def test_an_alarm_keeps_the_time_at_which_it_began(tmp_path: Path) -> None:
    """So that one sees how long it lasted."""
    state = alerts.read_state(tmp_path)
    (began,) = alerts.changes(state, [finding("a")], "v1", NOW)
    state = alerts.keep(tmp_path, state, [began], RULES)
    (over,) = alerts.changes(state, [finding("a", False)], "v1", NOW + dt.timedelta(hours=3))

    assert ("2026-05-08T12:00:00+00:00", "2026-05-08T15:00:00+00:00") == (over.since, over.at)


def test_the_file_is_told_only_if_the_settings_say_so(tmp_path: Path) -> None:
    """What is open is known all the same."""
    quiet = Monitoring(alerts=())

    assert [("alarm", "a")] == looked(tmp_path, finding("a"), rules=quiet)
    assert [] == looked(tmp_path, finding("a"), rules=quiet)
    assert [alerts.STATE] == [path.name for path in tmp_path.iterdir()]
    assert () == alerts.read_state(tmp_path).waiting


def test_a_webhook_gets_what_is_new(tmp_path: Path) -> None:
    """All of it at once, in words and for machines; and never twice."""
    looked(tmp_path, finding("a"), finding("b"))
    with webhook() as (url, posted):
        for _ in range(2):
            alerts.deliver(tmp_path, alerts.read_state(tmp_path), RULES, {"ALERTS_URL": url})

    (body,) = posted
    assert (1, "alarm: a drifted\nalarm: b drifted") == (body["format"], body["text"])
    assert ["a", "b"] == [alert["name"] for alert in body["alerts"]]


def test_what_a_webhook_did_not_take_waits_for_the_next_time(tmp_path: Path) -> None:
    """In order, with what is new by then, and without what the file was told already."""
    looked(tmp_path, finding("a"))
    with (
        webhook(500) as (url, refused),
        pytest.raises(Undelivered, match=r"the webhook in ALERTS_URL answers 500; .* next time: 1"),
    ):
        alerts.deliver(tmp_path, alerts.read_state(tmp_path), RULES, {"ALERTS_URL": url})
    looked(tmp_path, finding("a", False))
    with webhook() as (url, posted):
        alerts.deliver(tmp_path, alerts.read_state(tmp_path), RULES, {"ALERTS_URL": url})

    assert 1 == len(refused)
    assert ["alarm", "resolved"] == [alert["event"] for alert in posted[0]["alerts"]]
    assert 2 == len((tmp_path / alerts.LOG).read_text(encoding="utf-8").splitlines())


def test_a_webhook_that_is_out_is_told_without_its_url(tmp_path: Path) -> None:
    """Which is a secret."""
    looked(tmp_path, finding("a"))
    with webhook() as (url, _):
        pass
    with pytest.raises(Undelivered) as refused:
        alerts.deliver(tmp_path, alerts.read_state(tmp_path), RULES, {"ALERTS_URL": f"{url}?token=secret"})

    assert "the webhook in ALERTS_URL cannot be reached (ConnectionRefusedError)" in str(refused.value)
    assert not [word for word in ("127.0.0.1", "hook?", "secret") if word in str(refused.value)]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_webhook_that_sends_elsewhere_is_not_followed(tmp_path: Path, code: int) -> None:
    """An alert goes where the settings say, or stays."""
    looked(tmp_path, finding("a"))
    with webhook() as (other, followed), webhook(code, Location=other) as (url, _), pytest.raises(Undelivered, match=str(code)):
        alerts.deliver(tmp_path, alerts.read_state(tmp_path), RULES, {"ALERTS_URL": url})

    assert [] == followed


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "the environment variable ALERTS_URL is not set; put its URL there"),
        ({"ALERTS_URL": "http://example.com/hook"}, "begins with neither https:// nor http://localhost; mend it"),
        ({"ALERTS_URL": "file:///etc/passwd"}, "begins with neither https:// nor http://localhost; mend it"),
        ({"ALERTS_URL": "http://[::1"}, "cannot be read as a URL; mend it"),
        ({"ALERTS_URL": "https://exa mple.com/hook"}, "cannot be reached (InvalidURL)"),
    ],
)
def test_a_webhook_that_cannot_be_asked_is_refused(tmp_path: Path, environment: dict[str, str], expected: str) -> None:
    """In a sentence that says what to do; the alerts wait."""
    looked(tmp_path, finding("a"))
    with pytest.raises(Undelivered) as refused:
        alerts.deliver(tmp_path, alerts.read_state(tmp_path), RULES, environment)

    assert expected in str(refused.value)
    assert 1 == len(alerts.read_state(tmp_path).waiting)


def test_without_a_variable_a_webhook_is_refused(tmp_path: Path) -> None:
    """Only if something is to be told."""
    nameless = Monitoring(alerts=("webhook",))
    alerts.deliver(tmp_path, alerts.read_state(tmp_path), nameless, {})
    looked(tmp_path, finding("a"), rules=nameless)
    with pytest.raises(Undelivered, match=r"monitoring\.webhook names no variable; name there"):
        alerts.deliver(tmp_path, alerts.read_state(tmp_path), nameless, {})


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Rather than taken for nothing open."""
    (tmp_path / alerts.STATE).write_text('{"opn": {}}', encoding="utf-8")

    with pytest.raises(Refusal, match=r"open_alerts\.json cannot be read, expected what `monitor` writes there; remove it"):
        alerts.read_state(tmp_path)
