"""The engine behind `run`: doit, in this process, on the tasks of dodo.py."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def run(root: Path, jobs: int = 1) -> int:
    """Run every step that is not fresh.

    Args:
        root: the project's folder.
        jobs: how many steps may run at once, where the DAG allows it; each is a thread.

    Returns:
        The exit status: 0 if all is done.
    """
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain

    sys.path.insert(0, str(root))
    parallel = ["--process", str(jobs), "--parallel-type", "thread"] if jobs > 1 else []
    code: int = DoitMain(ModuleTaskLoader(import_module("dodo")), config_filenames=()).run(["run", *parallel])
    return code
