"""An offline database that keeps itself in sync with a RhoSync server."""

from ._aio import AsyncDatabase
from ._database import Closed, Database, Transaction
from ._transport import HttpTransport
from ._watch import Live, Watch
from .rhosync_native import (
    AppliedChange,
    ChangeState,
    DeviceOptions,
    Ended,
    FailedChange,
    FileState,
    FileStatus,
    HostError,
    Operation,
    PendingChange,
    Progress,
    Removal,
    RemovalReason,
    RhoSyncError,
    SignedIn,
    SourceOptions,
    SourceProblem,
    SourceStatus,
    StoredObject,
    SyncReport,
    Transport,
    message_of,
)

#: Opens a database file, or makes it.
open = Database

#: The same for programs that use asyncio.
open_async = AsyncDatabase.open

# Each kind of error is a class.
Cancelled = RhoSyncError.Cancelled
Invalid = RhoSyncError.Invalid
LoginRefused = RhoSyncError.LoginRefused
NoTransport = RhoSyncError.NoTransport
Offline = RhoSyncError.Offline
Refused = RhoSyncError.Refused
ServerBusy = RhoSyncError.ServerBusy
Storage = RhoSyncError.Storage
SyncRunning = RhoSyncError.SyncRunning
UnknownObject = RhoSyncError.UnknownObject
UnknownSource = RhoSyncError.UnknownSource
WrongKey = RhoSyncError.WrongKey

RhoSyncError.__str__ = message_of

__all__ = [
    "AppliedChange",
    "AsyncDatabase",
    "Cancelled",
    "ChangeState",
    "Closed",
    "Database",
    "DeviceOptions",
    "Ended",
    "FailedChange",
    "FileState",
    "FileStatus",
    "HostError",
    "HttpTransport",
    "Invalid",
    "Live",
    "LoginRefused",
    "NoTransport",
    "Offline",
    "Operation",
    "PendingChange",
    "Progress",
    "Refused",
    "Removal",
    "RemovalReason",
    "RhoSyncError",
    "ServerBusy",
    "SignedIn",
    "SourceOptions",
    "SourceProblem",
    "SourceStatus",
    "Storage",
    "StoredObject",
    "SyncReport",
    "SyncRunning",
    "Transaction",
    "Transport",
    "UnknownObject",
    "UnknownSource",
    "Watch",
    "WrongKey",
    "open",
    "open_async",
]
