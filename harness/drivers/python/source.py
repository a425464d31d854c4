"""Where a value came from.

What a listener is told was queried from a server in every case (`ConfigGRPCClientProxy._execute_config_listen_task`).
A `get` tries the failover file, then the server, then the snapshot, and says nothing of which it was: so the SDK's
cache is watched while it is asked.
"""

from contextvars import ContextVar

from v2.nacos.config.cache.config_info_cache import ConfigInfoCache

SERVER = "server"
SNAPSHOT = "snapshot"
FAILOVER = "failover"

_source: ContextVar[str] = ContextVar("source", default=SERVER)


class WatchedCache(ConfigInfoCache):
    """The SDK's cache of files, remembering for each task which file it served last."""

    async def get_fail_over_config_cache(self, data_id: str, group: str):
        _source.set(SERVER)
        found = await super().get_fail_over_config_cache(data_id, group)
        if found[0]:
            _source.set(FAILOVER)
        return found

    async def get_config_cache(self, data_id: str, group: str):
        _source.set(SNAPSHOT)
        return await super().get_config_cache(data_id, group)


def of_last_get() -> str:
    """Where the value of this task's last `get_config` came from."""
    return _source.get()
