"""A driver of nacos-sdk-python 3 (`v2.nacos`): obeys commands on standard input, tells events on standard output."""

import asyncio
import platform
from importlib.metadata import version

from client import Client
from protocol import VERSION, Events, commands, now

# `stop` allows 5 s.
STOP_SECONDS = 4.0


class Driver:
    def __init__(self, events: Events) -> None:
        self._events = events
        self._clients: dict[int, asyncio.Task[Client]] = {}
        self._running: set[asyncio.Task] = set()

    async def run(self) -> None:
        self._events.send(
            "hello",
            now(),
            protocol=VERSION,
            driver="python",
            sdk="nacos-sdk-python",
            sdk_version=version("nacos-sdk-python"),
            runtime=f"{platform.python_implementation()} {platform.python_version()}",
        )
        async for command in commands():
            name = command.get("command")
            if name == "stop":
                break
            if name == "clock":
                self._events.send("clock", now())
                continue
            if name == "start":
                self._clients[command["client"]] = asyncio.create_task(Client.start(command, self._events))
            # Each command has a task of its own, so that none waits for another.
            task = asyncio.create_task(self._obey(command))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await self._stop()

    async def _obey(self, command: dict) -> None:
        try:
            name = command.get("command")
            if command.get("client") not in self._clients:
                raise LookupError(f"there is no client {command.get('client')}")
            client = await asyncio.shield(self._clients[command["client"]])
            if name in ("listen", "get", "publish"):
                await getattr(client, name)(command)
            elif name != "start":
                raise LookupError(f"the command `{name}` is not known")
        except Exception as error:
            self._events.failed(command, error)

    async def _stop(self) -> None:
        started = [task.result() for task in self._clients.values() if task.done() and not task.exception()]
        stops = [asyncio.create_task(client.stop()) for client in started]
        if stops:
            await asyncio.wait(stops, timeout=STOP_SECONDS)


def main() -> None:
    events = Events()
    try:
        asyncio.run(Driver(events).run())
    finally:
        events.close()


if __name__ == "__main__":
    main()
