"""The scorecard: what ran counts, and nothing else; its rows name tests that there are."""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.scorecard import SECTIONS, counted, passed, rows, totals

ROOT = Path(__file__).parents[2]
NOW = dt.datetime.now(dt.UTC)
TABLE = """| row | asks for | test | worth | goes red when |
|---|---|---|---|---|
| Data 1 | a schema | `code/test_a.py::test_one` | 1 | it is not asked |
| Model 1 | a review | `code/test_a.py::test_two` | ½ | nobody looks |
| Infrastructure 1 | a run | `test_b.py::test_three` | 1 | it stops |
| Monitoring 1 | a look | `code/test_a.py::test_one` | 1 | it is blind |
"""
PASSED = '<testcase classname="tests.{}" name="{}"/>'
FAILED = '<testcase classname="tests.{}" name="{}"><failure/></testcase>'
SKIPPED = '<testcase classname="tests.{}" name="{}"><skipped/></testcase>'


def project(folder: Path, *cases: str, ci: str = "run: make test", looked: dt.timedelta | None = None) -> Path:
    """A project's folder with the table, the record of a run, a workflow, and perhaps a look of the monitor so long ago."""
    texts = {"docs/scorecard.md": TABLE, ".github/workflows/ci.yml": ci}
    texts |= {"test-results.xml": f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"}
    if looked is not None:
        texts["monitoring/report.json"] = "{}"
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    if looked is not None:
        at = (NOW - looked).timestamp()
        os.utime(folder / "monitoring" / "report.json", (at, at))
    return folder


ALL = (
    PASSED.format("code.test_a", "test_one[a]"),
    PASSED.format("code.test_a", "test_one[b]"),
    PASSED.format("code.test_a", "test_two"),
    PASSED.format("test_b", "test_three"),
)


def points(root: Path) -> list[float]:
    """Of the four rows."""
    return [one.points for one in counted(root, NOW)]


def test_what_runs_by_itself_counts_whole(tmp_path: Path) -> None:
    """A test that holds a part of what is asked for counts half."""
    assert [1, 0.5, 1, 1] == points(project(tmp_path, *ALL, looked=dt.timedelta(days=1)))


def test_monitoring_counts_whole_only_if_the_monitor_looks(tmp_path: Path) -> None:
    """Its tests say that it would find out; a look of last week, or none, finds out nothing."""
    assert [1, 0.5, 1, 0.5] == points(project(tmp_path / "never", *ALL))
    assert [1, 0.5, 1, 0.5] == points(project(tmp_path / "once", *ALL, looked=dt.timedelta(days=8)))


def test_without_a_workflow_all_is_by_hand(tmp_path: Path) -> None:
    """One that types other words is none."""
    assert [0.5] * 4 == points(project(tmp_path, *ALL, ci="run: make check", looked=dt.timedelta(0)))


@pytest.mark.parametrize("form", [FAILED, SKIPPED], ids=["failed", "skipped"])
def test_one_case_that_did_not_pass_costs_the_row(tmp_path: Path, form: str) -> None:
    """Whether it failed or was left out; the other rows stay."""
    root = project(tmp_path, form.format("code.test_a", "test_one[c]"), *ALL, looked=dt.timedelta(0))

    assert [0, 0.5, 1, 0] == points(root)
    assert "its test did not pass" == counted(root, NOW)[0].lacks


def test_what_did_not_run_counts_nothing(tmp_path: Path) -> None:
    """However often it passed before."""
    root = project(tmp_path, *ALL[:3], looked=dt.timedelta(0))

    assert [1, 0.5, 0, 1] == points(root)
    assert {"Data": 1, "Model": 0.5, "Infrastructure": 0, "Monitoring": 1} == totals(counted(root, NOW))


def test_without_a_record_nothing_is_claimed(tmp_path: Path) -> None:
    """The sentence says what writes one; a torn one is refused likewise."""
    with pytest.raises(Refusal, match="`make test` writes it"):
        passed(tmp_path)
    (tmp_path / "test-results.xml").write_text("<testsuites>", encoding="utf-8")
    with pytest.raises(Refusal, match="cannot be read"):
        passed(tmp_path)
    with pytest.raises(Refusal, match=r"there is no docs/scorecard\.md"):
        rows(tmp_path)


def test_every_row_names_a_test_that_there_is() -> None:
    """The paper has seven in each of four sections; renaming a test is renaming it there."""
    found = rows(ROOT)
    tests = {
        f"{path.relative_to(ROOT / 'tests').as_posix()}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert [(section, number) for section in SECTIONS for number in range(1, 8)] == [(row.section, row.number) for row in found]
    assert set() == {row.test for row in found} - tests
