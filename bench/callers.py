"""Callers of an HTTP server: connections that are kept, in one thread that only sends bytes and reads them.

    python bench/callers.py < ORDER > FOUND

ORDER is JSON: a `port`, a `path`, `bodies` that are sent in turns, `connections`, `seconds`, and a `rate`: so many requests a
second, evenly spaced, each timed from when it was due. If that is null, each connection asks again as soon as it has an answer.
FOUND is JSON as well. It ends by itself: what has not come PATIENCE seconds after the last request has failed.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter, deque
from itertools import cycle
from typing import Any

PATIENCE = 30.0
APART = 0.02  # seconds between two connections: of those that come at once, one worker takes all


class Caller:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.since = 0.0
        self._read, self._left = b"", -1

    def send(self, request: bytes, since: float) -> None:
        """Ask; the answer is timed from `since` on."""
        self.since, self._read, self._left = since, b"", -1
        self.socket.sendall(request)

    def receive(self) -> int:
        """Read what there is; the status once all is there, and before that 0.

        Raises:
            ConnectionError: the server has hung up, or does not say how long its answer is.
        """
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionResetError("the server has hung up")
        self._read += part
        if self._left < 0:
            head, end, _ = self._read.partition(b"\r\n\r\n")
            if not end:
                return 0
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if not length:
                raise ConnectionError(f"an answer without its length: {head!r}")
            self._left = len(head) + 4 + int(length)
        return int(self._read[9:12]) if len(self._read) >= self._left else 0

    def ask(self, request: bytes) -> int:
        """Ask, and wait for the status."""
        self.send(request, time.perf_counter())
        while not (status := self.receive()):
            pass
        return status


def request(path: str, body: str) -> bytes:
    """The bytes of a request."""
    sent = body.encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n"
    return head.encode() + sent


def called(port: int, requests: list[bytes], connections: int, seconds: float, rate: float | None) -> dict[str, Any]:
    """Ask for some seconds; how many answers there were by status, the milliseconds of each, and what that took here."""
    selector, free, turns = selectors.DefaultSelector(), deque[Caller](), cycle(requests)
    for _ in range(connections):
        free.append(Caller(port))
        selector.register(free[-1].socket, selectors.EVENT_READ, free[-1])
        time.sleep(APART)
    statuses: Counter[str] = Counter()
    milliseconds: list[float] = []
    asked, began, cpu = 0, time.perf_counter(), time.process_time()
    end, now, last = began + seconds, began, began
    while (now < end or len(free) < connections) and now < end + PATIENCE:
        due = began + asked / rate if rate else now
        while free and due <= now < end:
            free.popleft().send(next(turns), due)
            asked += 1
            due = began + asked / rate if rate else now
        wait = min(due, end) - now if free and now < end else PATIENCE
        for key, _ in selector.select(max(wait, 0)):
            caller: Caller = key.data
            try:
                status = caller.receive()
            except ConnectionError as error:
                statuses[type(error).__name__] += 1
                selector.unregister(caller.socket)
                connections -= 1
                continue
            if status:
                last = time.perf_counter()
                statuses[str(status)] += 1
                milliseconds.append(1000 * (last - caller.since))
                free.append(caller)
        now = time.perf_counter()
    if asked > statuses.total():
        statuses["none"] = asked - statuses.total()
    return {"statuses": statuses, "seconds": last - began, "cpu": time.process_time() - cpu, "milliseconds": milliseconds}


def main() -> None:
    """Do what the order says."""
    order: dict[str, Any] = json.load(sys.stdin)
    requests = [request(order["path"], body) for body in order["bodies"]]
    json.dump(called(order["port"], requests, order["connections"], order["seconds"], order["rate"]), sys.stdout)


if __name__ == "__main__":
    main()
