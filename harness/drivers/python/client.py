"""One client of nacos-sdk-python (`v2.nacos`), as an application would have it."""

import asyncio
import os
from contextlib import suppress

from v2.nacos import ClientConfigBuilder, ConfigParam, NacosConfigService

import source
from protocol import Events, now

# The SDK ends by waiting for its listen loop, which may sleep for 5 s more.
SHUTDOWN_GRACE_SECONDS = 1.0


class Client:
    def __init__(self, number: int, service: NacosConfigService, events: Events) -> None:
        self._number = number
        self._service = service
        self._events = events

    @classmethod
    async def start(cls, command: dict, events: Events) -> "Client":
        config = (
            ClientConfigBuilder()
            .server_address(",".join(command["servers"]))
            .namespace_id(command["namespace"])
            .cache_dir(command["cache"])
            .log_dir(os.path.join(command["cache"], "log"))
        )
        if command.get("username"):
            config = config.username(command["username"]).password(command.get("password", ""))
        config = config.build()
        service = await NacosConfigService.create_config_service(config)
        service.config_info_cache = source.WatchedCache(config)
        client = cls(command["client"], service, events)
        events.send("started", now(), client=client._number)
        return client

    async def listen(self, command: dict) -> None:
        key = command["key"]

        async def told(_namespace: str, _group: str, _data_id: str, content: str) -> None:
            at = now()
            # The SDK's word for an item that does not exist is an empty text.
            if content:
                self._send("value", at, key=key, content=content, source=source.SERVER)
            else:
                self._send("gone", at, key=key)

        await self._service.add_listener(key["data_id"], key["group"], told)
        self._send("listening", now(), key=key)

    async def get(self, command: dict) -> None:
        seconds = command["timeout_ms"] / 1000
        try:
            content, came_from = await asyncio.wait_for(self._read(command["key"]), seconds)
        except asyncio.TimeoutError as error:
            raise TimeoutError(f"no answer within {seconds} s") from error
        at = now()
        told = {"content": content} if content else {"content": None, "md5": None}
        self._send("got", at, id=command["id"], **told, source=came_from)

    async def publish(self, command: dict) -> None:
        key = command["key"]
        param = ConfigParam(data_id=key["data_id"], group=key["group"], content=command["content"])
        if not await self._service.publish_config(param):
            raise RuntimeError("the server answered without success")
        self._send("published", now(), id=command["id"])

    async def stop(self) -> None:
        try:
            await asyncio.wait_for(self._service.shutdown(), SHUTDOWN_GRACE_SECONDS)
        except asyncio.TimeoutError:
            # Giving up the wait has ended the listen loop; now the rest is shut down.
            with suppress(asyncio.CancelledError):
                await self._service.shutdown()

    async def _read(self, key: dict) -> tuple[str, str]:
        content = await self._service.get_config(ConfigParam(data_id=key["data_id"], group=key["group"]))
        return content, source.of_last_get()

    def _send(self, event: str, at: int, **keys) -> None:
        self._events.send(event, at, client=self._number, **keys)
