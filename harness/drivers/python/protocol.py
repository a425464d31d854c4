"""Lines in, lines out: the driver protocol (`docs/driver-protocol.md`) on the standard streams."""

import asyncio
import json
import os
import queue
import sys
import threading
import time
from hashlib import md5

VERSION = 1


def now() -> int:
    """CLOCK_MONOTONIC in nanoseconds."""
    return time.monotonic_ns()


class Events:
    """Writes events in the order in which they were sent.

    A thread does the writing, so that a slow reader holds up no callback of the SDK.
    """

    def __init__(self) -> None:
        # Whatever prints to standard output from now on prints to standard error.
        self._lines = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def send(self, event: str, at: int, **keys) -> None:
        self._queue.put({"event": event, "at": at, **keys})

    def failed(self, command: dict, error: BaseException) -> None:
        """Answers a command that failed with what identifies it."""
        told = {name: command[name] for name in ("client", "id", "key") if name in command}
        message = str(error) or type(error).__name__
        self.send("failed", now(), **told, command=str(command.get("command")), message=message)

    def close(self) -> None:
        """Returns when everything is written."""
        self._queue.put(None)
        self._writer.join()

    def _write(self) -> None:
        while (event := self._queue.get()) is not None:
            if isinstance(event.get("content"), str):
                event["md5"] = md5(event["content"].encode()).hexdigest()
            try:
                self._lines.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
                if self._queue.empty():
                    self._lines.flush()
            except BrokenPipeError:
                # The harness is gone: standard input ends as well, and with it the driver.
                return


async def commands():
    """The commands, until standard input ends."""
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        yield json.loads(line)
