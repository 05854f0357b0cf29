"""Runs a module as `python -m` does, and writes down what it opened, listed or looked for in the folder it was started in.

`python -m reads HEARD MODULE ARGUMENTS` leaves a JSON list of relative paths in the file HEARD: files that were opened, folders
that were listed, what turned out not to be there, and each place where an import looked for a module. A process that starts
another may have read anything: its list holds ".", the folder itself. What is read by no Python (by DuckDB, Arrow) isn't heard.
"""

import json
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STARTS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
LISTERS = ("_frozen_importlib", "_pytest.", "importlib.", "importlib_metadata")  # they ask by name afterwards, which is heard


class Reads:
    """What was looked for below a folder, by relative path."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.realpath(folder)
        self._stat = os.stat
        self.paths: set[str] = set()

    def listen(self) -> None:
        """From now on, for the rest of this process."""
        sys.addaudithook(self._heard)
        sys.meta_path.insert(0, self)
        os.stat = self._asked

    def note(self, path: Any) -> None:
        """Write a path down if it lies in the folder; a number is a file that was opened before."""
        if isinstance(path, str | bytes | os.PathLike):
            path = os.path.relpath(os.path.realpath(os.fsdecode(path)), self._folder)
            if not path.startswith(".."):
                self.paths.add(path)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Finds no module, but knows from now on which was asked for, and where it might have been."""
        for entry in sys.path if path is None else path:
            place = Path(entry, name.rpartition(".")[2])
            self.note(f"{place}.py")
            self.note(place / "__init__.py")

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self.note(arguments[0])
        elif event in ("os.listdir", "os.scandir"):
            if not sys._getframe(1).f_globals.get("__name__", "").startswith(LISTERS):
                self.note(arguments[0] or ".")
        elif event in STARTS:
            self.note(self._folder)

    def _asked(self, path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        try:
            return self._stat(path, *arguments, **options)
        except OSError:
            self.note(path)
            raise


if __name__ == "__main__":
    _, heard, *sys.argv = sys.argv
    reads = Reads(Path.cwd())
    reads.listen()
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        Path(heard).write_text(json.dumps(sorted(reads.paths)), encoding="utf-8")
