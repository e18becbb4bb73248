"""The same for programs that use asyncio: what may wait does so in a thread."""

from __future__ import annotations

import asyncio

from ._database import Database

#: Calls that become coroutines.
_CALLS = (
    "add_file", "change_key", "create", "delete", "diagnostics", "discard", "failed", "file", "forget_found", "get", "list", "pending", "query",
    "read_file", "retry", "search", "search_remote", "set_parameters", "sign_in", "sign_in_with_token", "sign_out", "sources", "update", "want_file",
)  # fmt: skip


class AsyncDatabase:
    """A database whose calls are awaited. Cancelling a task that syncs cancels the sync.

    `create`, `update`, `delete`, `get`, `list`, `query`, `search`, `search_remote`, `forget_found`, `pending`, `failed`, `retry`, `discard`, `sources`, `add_file`,
    `file`, `read_file`, `want_file`, `set_parameters`, `sign_in`, `sign_in_with_token`, `sign_out`, `change_key` and `diagnostics` are those of `Database`, which is in `database`.
    """

    def __init__(self, database: Database):
        self.database = database

    @classmethod
    async def open(cls, path, **options) -> AsyncDatabase:
        """Opens a database: see `Database`."""
        return cls(await asyncio.to_thread(Database, path, **options))

    def __getattr__(self, name):
        if name not in _CALLS:
            raise AttributeError(name)
        call = getattr(self.database, name)

        async def awaited(*values, **named):
            return await asyncio.to_thread(call, *values, **named)

        return awaited

    async def user(self) -> str | None:
        """Who is signed in."""
        return await asyncio.to_thread(lambda: self.database.user)

    async def sync(self, **options):
        """See `Database.sync`."""
        return await self._cancellable(self.database.sync, **options)

    async def handle_ping(self, payload: str, **options):
        """See `Database.handle_ping`."""
        return await self._cancellable(self.database.handle_ping, payload, **options)

    async def _cancellable(self, call, *values, **named):
        running = asyncio.ensure_future(asyncio.to_thread(call, *values, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.database.cancel()
            await asyncio.wait([running])
            raise

    async def watch(self, sources=()):
        """Hears of each change of some sources, or of all if none is named: iterate."""
        async for _, changed in self._changes(sources):
            yield changed

    async def live(self, sql: str, params=()):
        """Answers a query now and after each change of what it reads: iterate."""
        sources = await asyncio.to_thread(self.database._core.sources_of, sql)
        async for is_first, _ in self._changes(sources, says_hello=True):
            yield await self.query(sql, params)

    async def _changes(self, sources, says_hello=False):
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        heard = set()

        def hear(names):
            heard.update(names)
            changed.set()

        with self.database.watch(sources, lambda names: loop.call_soon_threadsafe(hear, names)):
            if says_hello:
                yield True, []
            while True:
                await changed.wait()
                changed.clear()
                names = sorted(heard)
                heard.clear()
                yield False, names

    async def cancel(self) -> None:
        """Ends the sync that is under way as soon as it can."""
        await asyncio.to_thread(self.database.cancel)

    async def close(self) -> None:
        """See `Database.close`."""
        await asyncio.to_thread(self.database.close)

    async def __aenter__(self) -> AsyncDatabase:
        return self

    async def __aexit__(self, *_):
        await self.close()
