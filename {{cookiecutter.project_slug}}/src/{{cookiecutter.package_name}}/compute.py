"""Compute: where the inner loops of training run, which are folds and the parts of a cascade.

In this process one after the other, in processes beside it, or on the workers of a Dask cluster; joblib's backends do it. Each
has one thread, so that the same comes out anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

from .refusal import Refusal
from .sections import Compute

WAIT = 10  # seconds for a scheduler, and for its first worker

_backend: ContextVar[dict[str, Any] | None] = ContextVar("backend", default=None)


class NoWorkers(Refusal):
    """Workers that are asked for and cannot be had."""


@contextmanager
def inner_loops(compute: Compute) -> Iterator[None]:
    """Within the block, `each` runs where the settings say.

    Raises:
        NoWorkers: Dask is not installed, its scheduler does not answer, or has no worker.
    """
    if compute.dask:
        with _cluster(compute.dask), _chosen({"backend": "dask", "n_jobs": -1}):
            yield
    elif compute.workers > 1:
        with _chosen({"backend": "loky", "n_jobs": compute.workers, "inner_max_num_threads": 1}):
            yield
    else:
        yield


def each(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """What a function gives for each of some arguments, in their order; without workers, only once it is asked for."""
    backend = _backend.get()
    if backend is None:
        yield from (function(*call) for call in calls)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(**backend):
        yield from Parallel()(delayed(_called)(function, call) for call in calls)


def _called(function: Callable[..., Any], call: tuple[Any, ...]) -> Any:
    """One call; its arguments are one value, for joblib would lay large ones into one worker's memory, and they die with it."""
    return function(*call)


@contextmanager
def _chosen(backend: dict[str, Any]) -> Iterator[None]:
    before = _backend.set(backend)
    try:
        yield
    finally:
        _backend.reset(before)


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    if find_spec("distributed") is None:
        raise NoWorkers(
            f"settings.toml: compute.dask is {address!r}, and Dask is not installed; "
            "install it with `uv sync --inexact --extra dask`, or empty compute.dask"
        )
    from distributed import Client

    try:
        client = Client(address, timeout=WAIT)
    except (OSError, ValueError) as error:
        raise NoWorkers(
            f"no Dask scheduler answers at {address!r} ({error}); start it, or mend compute.dask of settings.toml"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            raise NoWorkers(
                f"the Dask scheduler at {address!r} has no worker; start one with `dask worker {address}`"
            ) from None
        yield
