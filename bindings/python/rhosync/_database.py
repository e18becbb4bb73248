"""The database that an app works with."""

from __future__ import annotations

import threading

from . import rhosync_native as native
from ._transport import HttpTransport
from ._watch import Live, Watch
from .rhosync_native import Credentials, DeviceOptions, Operation, Options, RhoSyncError, SourceOptions, SyncOptions


class Closed(RhoSyncError):
    """The database was closed."""

    def __str__(self):
        return "the database is closed"


class _Steps(native.ProgressListener):
    def __init__(self, told):
        self._told = told

    def progressed(self, progress):
        self._told(progress)


class Transaction:
    """Changes of any objects and sources, which are made together when the block ends, or not at all if it raises."""

    def __init__(self, database):
        self._database = database
        self._operations = []

    def create(self, source: str, attributes: dict, id: str | None = None) -> str:
        """Makes an object, and returns its id."""
        id = id or self._database.new_id()
        self._operations.append(Operation.CREATE(source=source, id=id, attributes=attributes))
        return id

    def update(self, source: str, id: str, set: dict | None = None, unset=()) -> None:
        """Sets attributes of an object, and removes those of `unset`."""
        self._operations.append(Operation.UPDATE(source=source, id=id, set=set or {}, unset=list(unset)))

    def delete(self, source: str, id: str) -> None:
        """Removes an object."""
        self._operations.append(Operation.DELETE(source=source, id=id))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._database._core.transaction(self._operations)


class Database:
    """An offline database that keeps itself in sync with a server.

    All calls can be made from any thread. Those that write are on disk when they return. As a context manager it is closed when the
    block ends.
    """

    def __init__(
        self,
        path,
        *,
        server: str,
        sources,
        device: DeviceOptions | None = None,
        transport=None,
        file_quota_bytes: int | None = None,
        key: str | None = None,
    ):
        """Opens a database file, or makes it. `sources` are names, or `SourceOptions`. Files that objects refer to may have
        `file_quota_bytes` together, 512 MiB where it is not said. `key` encrypts the database file, where the library was built with
        encryption: 64 hexadecimal digits are a key, any other text is a passphrase."""
        sources = [SourceOptions(name=it) if isinstance(it, str) else it for it in sources]
        options = Options(
            server=server, sources=sources, device=device or DeviceOptions(), file_quota_bytes=file_quota_bytes, key=key
        )
        self._transport = transport or HttpTransport()
        self._open = native.Database.open(str(path), options, self._transport)
        self._watches = set()
        self._lock = threading.Lock()

    @property
    def _core(self):
        core = self._open
        if core is None:
            raise Closed
        return core

    def close(self) -> None:
        """Ends the sync that is under way and all watches, and lets go of the file."""
        if self._open is None:
            return
        self.cancel()
        with self._lock:
            watches = list(self._watches)
        for watch in watches:
            watch.close()
        self._open = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def change_key(self, key: str) -> None:
        """Encrypts the database file by another key, all or nothing. No other process may have it open. `Invalid` for one that was
        opened without a key."""
        self._core.change_key(key)

    @property
    def user(self) -> str | None:
        """Who is signed in."""
        return self._core.user()

    def sign_in(self, login: str, password: str) -> native.SignedIn:
        """Signs a user in. What is in the database stays if it is his and this device's. Otherwise it is erased: look at `pending`
        before, if another user may have left something."""
        return self._core.sign_in(login, password)

    def sign_in_with_token(self, token: str) -> native.SignedIn:
        """Signs a user in by a token of the identity provider."""
        return self._core.sign_in_with(Credentials.TOKEN(token=token))

    def sign_out(self) -> None:
        """Signs out: at once on the device, and at the server if it can be reached."""
        self._core.sign_out()

    def create(self, source: str, attributes: dict) -> str:
        """Makes an object, and returns its id, which never changes for the app. It goes up with the next sync."""
        return self._core.create(source, attributes)

    def update(self, source: str, id: str, set: dict | None = None, unset=()) -> None:
        """Sets attributes of an object, and removes those of `unset`."""
        with self.transaction() as transaction:
            transaction.update(source, id, set, unset)

    def delete(self, source: str, id: str) -> None:
        """Removes an object."""
        self._core.delete(source, id)

    def transaction(self) -> Transaction:
        """Makes changes of any objects and sources, all of them or none. At the back end each has its own verdict."""
        return Transaction(self)

    def new_id(self) -> str:
        """A new id: a UUID of version 7."""
        return self._core.new_id()

    def get(self, source: str, id: str) -> native.StoredObject | None:
        """An object, by the id that the app knows, or by the back end's."""
        return self._core.get(source, id)

    def list(self, source: str, *, limit: int = 1_000, offset: int = 0) -> list[native.StoredObject]:
        """Objects in the order of their ids."""
        return self._core.list(source, limit, offset)

    def query(self, sql: str, params=()) -> list[dict]:
        """Asks a query in SQLite's SQL: each source is a view of its name. A row is a dictionary."""
        answer = self._core.query(sql, list(params))
        return [dict(zip(answer.columns, row)) for row in answer.rows]

    def search(self, source: str, words: str, *, limit: int = 100) -> list[native.StoredObject]:
        """The objects that have all of the words, or words that begin so; the best first."""
        return self._core.search(source, words, limit)

    def search_remote(self, source: str, parameters: dict | None = None) -> list[native.StoredObject]:
        """Searches a source at its back end, by parameters that it understands; returns what was found. That is kept beside the source's
        copy, to be read and changed like all objects, until `forget_found`. Of a source that passes through, which has no copy, this is
        the way to its objects: what was found before goes then."""
        return self._core.search_remote(source, parameters or {})

    def forget_found(self, source: str) -> None:
        """Forgets what searches at the back end have found in a source. Changes of it go up all the same."""
        self._core.forget_found(source)

    def add_file(self, name: str, content_type: str, content: bytes) -> str:
        """Keeps a file, and returns its address: what an object refers to it by, in an attribute whose name ends in `-rhoblob`. It goes
        up with the next sync, before the changes that refer to it. One that no change refers to is removed after a day. `Invalid` if
        there is no room for it."""
        return self._core.add_file(name, content_type, content)

    def file(self, address: str) -> native.FileStatus | None:
        """How the file at an address is; `None` if nothing is known of it here."""
        return self._core.file(address)

    def read_file(self, address: str) -> bytes | None:
        """The content of the file at an address; `None` if it is not here: see `want_file`."""
        return self._core.read_file(address)

    def want_file(self, address: str) -> None:
        """Has the file at an address come with the next sync, unless it is here."""
        self._core.want_file(address)

    def watch(self, sources=(), told=None) -> Watch:
        """Hears of each change of some sources, or of all if none is named: `told` is called with their names on the thread that made
        the change; without it, iterate."""
        sources = list(sources)
        return self._begin(Watch, lambda heard: self._core.watch(sources, heard), told)

    def live(self, sql: str, params=()) -> Live:
        """Answers a query now and after each change of what it reads: iterate."""
        return self._begin(Live, lambda heard: self._core.watch_query(sql, heard), lambda: self.query(sql, params))

    def _begin(self, kind, begin, told):
        watch = kind(begin, self._end, told)
        with self._lock:
            self._watches.add(watch)
        return watch

    def _end(self, watch, number):
        with self._lock:
            self._watches.discard(watch)
        if self._open:
            self._open.unwatch(number)

    def sync(self, *, sources=(), deadline: float | None = None, verify: bool = False, progressed=None) -> native.SyncReport:
        """Sends what was done and brings what is new. How it ended is in the report: that there is no network is no error.

        `deadline` is in seconds from now; `verify` compares the copies with the server's also where nothing seems wrong; `progressed`
        is called with how far it is.
        """
        deadline_ms = None if deadline is None else int(deadline * 1000)
        options = SyncOptions(sources=list(sources), deadline_ms=deadline_ms, verify=verify)
        return self._core.sync(options, _Steps(progressed) if progressed else None)

    def handle_ping(self, payload: str, *, deadline: float | None = None) -> native.SyncReport | None:
        """Syncs what a push message asks to sync; `None` if it is not the server's."""
        return self._core.handle_ping(payload, None if deadline is None else int(deadline * 1000))

    def cancel(self) -> None:
        """Ends the sync that is under way as soon as it can; from another thread, as this one waits for it."""
        self._core.cancel()
        cancel = getattr(self._transport, "cancel", None)
        if cancel:
            cancel()

    def pending(self) -> list[native.PendingChange]:
        """The changes that have no verdict yet, oldest first."""
        return self._core.pending()

    def failed(self) -> list[native.FailedChange]:
        """The changes that failed and wait to be retried or discarded, oldest first."""
        return self._core.failed()

    def retry(self, change: str, values: dict | None = None) -> None:
        """Sends a change that failed once more, with `values` in the place of its own if there are some. So a conflict is resolved."""
        self._core.retry(change, values)

    def discard(self, change: str) -> None:
        """Forgets a change that failed."""
        self._core.discard(change)

    def set_parameters(self, source: str, parameters: dict) -> None:
        """Narrows a source down to a part of it, by parameters for its back end; `{}` for the whole source. They are kept, and the
        next sync brings that part in the place of what is there. A source whose changes wait for their verdicts goes over when they
        have them."""
        self._core.set_parameters(source, parameters)

    def sources(self) -> list[native.SourceStatus]:
        """How the sources are."""
        return self._core.sources()

    def diagnostics(self) -> str:
        """How the database is, as JSON, for support. It has no tokens and no values of objects."""
        return self._core.diagnostics()
