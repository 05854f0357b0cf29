"""Compute: without workers all happens here, and workers that cannot be had are one sentence."""

from __future__ import annotations

import os

import pytest

from {{ cookiecutter.package_name }}.compute import NoWorkers, each, inner_loops
from {{ cookiecutter.package_name }}.sections import Compute


def where(number: int) -> tuple[int, int]:
    """A number, and the process that was given it."""
    return number, os.getpid()


def test_without_workers_a_call_is_made_when_it_is_asked_for() -> None:
    """In this process, in order."""
    numbers = iter([3, 4])

    with inner_loops(Compute()):
        found = each(where, ((number,) for number in numbers))
        assert (3, os.getpid()) == next(found)
    assert 4 == next(numbers)


def test_without_dask_the_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is trained."""
    monkeypatch.setattr("{{ cookiecutter.package_name }}.compute.find_spec", lambda _: None)
    reached = []

    with (
        pytest.raises(NoWorkers, match=r"compute\.dask is 'tcp://127\.0\.0\.1:9', and Dask is not installed; install it with"),
        inner_loops(Compute(dask="tcp://127.0.0.1:9")),
    ):
        reached.append("the loop")
    assert [] == reached
