"""A PostgreSQL server of the tests' own, from Debian's package: on loopback, with a password, in a folder that goes with it."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

SECONDS_TO_LISTEN = 60
SECONDS_TO_STOP = 30
ZONE = "timezone=America/New_York"  # in which a time whose own zone was lost is another moment
SIGNS = "p@ss:/%w#rd?"  # in a password that is not quoted, each means something to a URL


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; None if there is no server's."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


@dataclass(frozen=True)
class Database:
    """A running server, and who may enter."""

    port: int
    user: str = "reader"
    password: str = field(default_factory=lambda: SIGNS + secrets.token_urlsafe(12))

    def execute(self, sql: str, *rows: tuple[Any, ...]) -> None:
        """Run SQL, once or for each row, and commit."""
        entry = psycopg.connect(host="127.0.0.1", port=self.port, user=self.user, password=self.password, dbname="postgres")
        with entry as connection, connection.cursor() as cursor:
            cursor.executemany(sql.encode(), rows) if rows else cursor.execute(sql.encode())


@contextmanager
def running() -> Iterator[Database]:
    """A server from when it answers; it stops with the block, and also if this process is killed."""
    home, account = programs(), _account()
    assert home
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        database = Database(free.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        (folder / "password").write_text(database.password, encoding="utf-8")
        for path in (folder, folder / "password") if account else ():
            shutil.chown(path, **account)
        data = str(folder / "data")
        made = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", f"--username={database.user}", "--encoding=UTF8"]
        subprocess.run([str(home / "initdb"), "--no-sync", "-D", data, *made], **account, check=True, capture_output=True)
        (folder / "password").unlink()
        # The shell stops the server when its input ends, which it does in any case.
        wait = ["sh", "-c", '"$@" & read _; kill -INT $!; wait $!', "sh"]
        options = [f"port={database.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", ZONE]
        command = [*wait, str(home / "postgres"), "-D", data, *(f"--{option}" for option in options)]
        with (folder / "log").open("wb") as log:
            server: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, **account
            )
        try:
            _wait(database, server, folder / "log")
            yield database
        finally:
            assert server.stdin
            server.stdin.close()
            server.wait(SECONDS_TO_STOP)
    finally:
        shutil.rmtree(folder)


def _account() -> dict[str, Any]:
    """Who runs the server, which refuses to be root: the account that came with the package."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def _wait(database: Database, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_LISTEN
    while True:
        try:
            return database.execute("SELECT 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(log.read_text(encoding="utf-8")) from None
            time.sleep(0.05)
