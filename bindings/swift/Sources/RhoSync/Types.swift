// The types of reports, changes and options, by the names that apps use.

import RhoSyncCore

public typealias AppliedChange = RhoSyncCore.AppliedChange
public typealias Attributes = RhoSyncCore.Attributes
public typealias ChangeState = RhoSyncCore.ChangeState
public typealias Conversation = RhoSyncCore.Conversation
public typealias Credentials = RhoSyncCore.Credentials
public typealias DeviceOptions = RhoSyncCore.DeviceOptions
public typealias Ended = RhoSyncCore.Ended
public typealias FailedChange = RhoSyncCore.FailedChange
public typealias FileState = RhoSyncCore.FileState
public typealias FileStatus = RhoSyncCore.FileStatus
public typealias Header = RhoSyncCore.Header
public typealias HostError = RhoSyncCore.HostError
public typealias HttpRequest = RhoSyncCore.HttpRequest
/// Foundation has an `Operation` of its own.
public typealias ObjectOperation = RhoSyncCore.Operation
public typealias PendingChange = RhoSyncCore.PendingChange
public typealias Removal = RhoSyncCore.Removal
public typealias RemovalReason = RhoSyncCore.RemovalReason
public typealias RhoSyncError = RhoSyncCore.RhoSyncError
public typealias SignedIn = RhoSyncCore.SignedIn
public typealias SourceOptions = RhoSyncCore.SourceOptions
public typealias SourceProblem = RhoSyncCore.SourceProblem
public typealias SourceStatus = RhoSyncCore.SourceStatus
public typealias StoredObject = RhoSyncCore.StoredObject
public typealias SyncOptions = RhoSyncCore.SyncOptions
/// Foundation has a `Progress` of its own.
public typealias SyncProgress = RhoSyncCore.Progress
public typealias SyncReport = RhoSyncCore.SyncReport
public typealias Transport = RhoSyncCore.Transport
public typealias Value = RhoSyncCore.Value

/// A row of a query's answer.
public typealias Row = [String: Value]

extension RhoSyncError {
    /// What happened, for people.
    public var message: String { messageOf(error: self) }
}
