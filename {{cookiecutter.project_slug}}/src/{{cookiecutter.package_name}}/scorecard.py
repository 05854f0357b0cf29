"""Scorecard: the ML Test Score (Breck et al., 2017), of what ran and not of what is claimed.

`docs/scorecard.md` holds the rows. One counts only if its test passed in the last `make test`: half a point where somebody has
to think of running it, its whole worth where it runs by itself.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .refusal import Refusal

TABLE, RESULTS = Path("docs", "scorecard.md"), Path("test-results.xml")
SECTIONS = ("Data", "Model", "Infrastructure", "Monitoring")
LOOKED = Path("monitoring", "report.json")
LATELY = dt.timedelta(days=7)  # a schedule that looks seldomer than that watches nothing
BY_HAND = 0.5
_ROW = re.compile(r"^\| (\w+) (\d) \| ([^|]+) \| `([^`|]+)` \| (1|½) \|", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """A test that the paper asks for.

    Args:
        section: of the paper.
        number: within the section.
        asks: what, in the paper's words.
        test: of this project that answers, as `code/test_gate.py::test_the_best_wins`.
        worth: 1, or 0.5 where the test holds only a part of what is asked for.
    """

    section: str
    number: int
    asks: str
    test: str
    worth: float


@dataclass(frozen=True)
class Counted:
    """A row, its points, and what it lacks; nothing if it has its whole worth."""

    row: Row
    points: float
    lacks: str


def rows(root: Path) -> list[Row]:
    """The rows of a project's table.

    Raises:
        Refusal: there is no table.
    """
    try:
        text = (root / TABLE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refusal(f"there is no {TABLE.as_posix()}, expected the table of tests; restore it") from None
    return [Row(a, int(b), c, d, 1.0 if e == "1" else 0.5) for a, b, c, d, e in _ROW.findall(text)]


def passed(root: Path) -> dict[str, bool]:
    """Test → whether it passed in the last `make test`, with all its cases; what did not run is not there.

    Raises:
        Refusal: no run is recorded, or its record cannot be read.
    """
    try:
        cases = ElementTree.parse(root / RESULTS).getroot().iter("testcase")  # noqa: S314 this project's own pytest wrote it
    except FileNotFoundError:
        raise Refusal(f"there is no {RESULTS}, and without a run nothing counts; `make test` writes it") from None
    except ElementTree.ParseError:
        raise Refusal(f"{RESULTS} cannot be read, expected what pytest writes; `make test` writes it again") from None
    found: dict[str, bool] = {}
    for case in cases:
        path = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        name = f"{path}.py::{case.get('name', '').partition('[')[0]}"
        found[name] = found.get(name, True) and case.find("failure") is case.find("error") is case.find("skipped") is None
    return found


def counted(root: Path, now: dt.datetime) -> list[Counted]:
    """Every row with its points.

    Args:
        root: the project's folder.
        now: the time, with its zone.

    Raises:
        Refusal: the table or the record of a run is absent.
    """
    missing = {section: _by_hand(root, section, now) for section in SECTIONS}
    ran = passed(root)
    return [_count(row, ran, missing[row.section]) for row in rows(root)]


def totals(found: Iterable[Counted]) -> dict[str, float]:
    """Section → its points; the score is the least of them."""
    sums = dict.fromkeys(SECTIONS, 0.0)
    for one in found:
        sums[one.row.section] += one.points
    return sums


def _count(row: Row, ran: Mapping[str, bool], by_hand: str) -> Counted:
    if row.test not in ran:
        return Counted(row, 0.0, "its test did not run")
    if not ran[row.test]:
        return Counted(row, 0.0, "its test did not pass")
    if by_hand and row.worth > BY_HAND:
        return Counted(row, BY_HAND, by_hand)
    return Counted(row, row.worth, "" if row.worth == 1 else "its test holds a part of it")


def _by_hand(root: Path, section: str, now: dt.datetime) -> str:
    """Why the tests of a section do not run by themselves; empty if they do."""
    workflows = [*root.glob(".github/workflows/*.y*ml"), *root.glob(".gitlab-ci.yml")]
    if not any("make test" in path.read_text(encoding="utf-8") for path in workflows):
        return "no workflow types `make test`"
    looked = root / LOOKED
    if section == "Monitoring" and not (
        looked.is_file() and now - dt.datetime.fromtimestamp(looked.stat().st_mtime, dt.UTC) <= LATELY
    ):
        return f"`monitor` has not looked within {LATELY.days} days"
    return ""
