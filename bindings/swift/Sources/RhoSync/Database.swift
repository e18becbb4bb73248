import Foundation
import RhoSyncCore

/// An offline database that keeps itself in sync with a server.
///
/// Calls that read or write the file, or wait for the network, are asynchronous, and run on threads of their own. What they write is on
/// disk when they return.
public final class Database: Sendable {
    private let core: RhoSyncCore.Database
    private let transport: any Transport
    private let queue = DispatchQueue(label: "com.rhosync", attributes: .concurrent)

    /// Opens a database file, or makes it.
    ///
    /// - Parameters:
    ///   - fileQuotaBytes: what the files that objects refer to may have together; 512 MiB where it is not said.
    ///   - key: encrypts the database file, where the library was built with encryption. 64 hexadecimal digits are a key, any other text is
    ///     a passphrase.
    public init(
        path: String, server: String, sources: [SourceOptions], device: DeviceOptions = DeviceOptions(),
        transport: any Transport = URLSessionTransport(), fileQuotaBytes: UInt64? = nil, key: String? = nil
    ) async throws {
        let options = Options(
            server: server, sources: sources, device: device, fileQuotaBytes: fileQuotaBytes, key: key)
        self.transport = transport
        core = try await run(on: queue) { try .open(path: path, options: options, transport: transport) }
    }

    /// Ends the sync that is under way. The file is let go when nobody has the database any more.
    deinit {
        cancel()
        (transport as? URLSessionTransport)?.close()
    }

    private func call<T: Sendable>(_ call: @escaping @Sendable (RhoSyncCore.Database) throws -> T) async throws -> T {
        try await run(on: queue) { [core] in try call(core) }
    }

    /// Runs a call that waits for the network, and ends it when the task is cancelled.
    private func cancellable<T: Sendable>(
        _ call: @escaping @Sendable (RhoSyncCore.Database) throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        return try await withTaskCancellationHandler {
            try await self.call(call)
        } onCancel: {
            cancel()
        }
    }

    /// Encrypts the database file by another key, all or nothing. No other process may have it open. `Invalid` for one that was opened
    /// without a key.
    public func changeKey(_ key: String) async throws {
        try await call { try $0.changeKey(key: key) }
    }

    /// Who is signed in.
    public func user() async throws -> String? {
        try await call { try $0.user() }
    }

    /// Signs a user in. What is in the database stays if it is his and this device's. Otherwise it is erased: look at ``pending()``
    /// before, if another user may have left something.
    @discardableResult
    public func signIn(login: String, password: String) async throws -> SignedIn {
        try await signIn(with: .password(login: login, password: password))
    }

    /// Signs a user in by what he has.
    @discardableResult
    public func signIn(with credentials: Credentials) async throws -> SignedIn {
        try await cancellable { try $0.signInWith(credentials: credentials) }
    }

    /// Signs out: at once on the device, and at the server if it can be reached.
    public func signOut() async throws {
        try await cancellable { try $0.signOut() }
    }

    /// Makes an object, and returns its id, which never changes for the app. It goes up with the next sync.
    @discardableResult
    public func create(_ source: String, _ attributes: Attributes) async throws -> String {
        try await call { try $0.create(source: source, attributes: attributes) }
    }

    /// Sets attributes of an object, and removes those of `unset`.
    public func update(_ source: String, id: String, set: Attributes, unset: [String] = []) async throws {
        try await transaction([.update(source: source, id: id, set: set, unset: unset)])
    }

    /// Removes an object.
    public func delete(_ source: String, id: String) async throws {
        try await call { try $0.delete(source: source, id: id) }
    }

    /// Makes changes of any objects and sources, all of them or none. Returns the id of each one's object.
    @discardableResult
    public func transaction(_ operations: [ObjectOperation]) async throws -> [String] {
        try await call { try $0.transaction(operations: operations) }
    }

    /// A new id: a UUID of version 7.
    public func newId() -> String {
        core.newId()
    }

    /// An object, by the id that the app knows, or by the back end's.
    public func get(_ source: String, id: String) async throws -> StoredObject? {
        try await call { try $0.get(source: source, id: id) }
    }

    /// Objects in the order of their ids.
    public func list(_ source: String, limit: UInt32 = 1_000, offset: UInt32 = 0) async throws -> [StoredObject] {
        try await call { try $0.list(source: source, limit: limit, offset: offset) }
    }

    /// Asks a query in SQLite's SQL: each source is a view of its name.
    public func query(_ sql: String, _ params: [Value] = []) async throws -> [Row] {
        try await call {
            let answer = try $0.query(sql: sql, params: params)
            return answer.rows.map { Row(uniqueKeysWithValues: zip(answer.columns, $0)) }
        }
    }

    /// The objects that have all of the words, or words that begin so; the best first.
    public func search(_ source: String, for words: String, limit: UInt32 = 100) async throws -> [StoredObject] {
        try await call { try $0.search(source: source, words: words, limit: limit) }
    }

    /// Searches a source at its back end, by parameters that it understands; returns what was found. That is kept beside the source's copy,
    /// to be read and changed like all objects, until ``forgetFound(_:)``. Of a source that passes through, which has no copy, this is the
    /// way to its objects: what was found before goes then.
    public func searchRemote(_ source: String, _ parameters: Attributes = [:]) async throws -> [StoredObject] {
        try await cancellable { try $0.searchRemote(source: source, parameters: parameters) }
    }

    /// Forgets what searches at the back end have found in a source. Changes of it go up all the same.
    public func forgetFound(_ source: String) async throws {
        try await call { try $0.forgetFound(source: source) }
    }

    /// Narrows a source down to a part of it, by parameters for its back end; none for the whole source. They are kept, and the next sync
    /// brings that part in the place of what is there. A source whose changes wait for their verdicts goes over when they have them.
    public func setParameters(_ source: String, _ parameters: Attributes) async throws {
        try await call { try $0.setParameters(source: source, parameters: parameters) }
    }

    /// Keeps a file, and returns its address: what an object refers to it by, in an attribute whose name ends in `-rhoblob`. It goes up
    /// with the next sync, before the changes that refer to it. One that no change refers to is removed after a day. `Invalid` if
    /// there is no room for it.
    public func addFile(name: String, contentType: String, content: Data) async throws -> String {
        try await call { try $0.addFile(name: name, contentType: contentType, content: content) }
    }

    /// How the file at an address is; `nil` if nothing is known of it here.
    public func file(_ address: String) async throws -> FileStatus? {
        try await call { try $0.file(address: address) }
    }

    /// The content of the file at an address; `nil` if it is not here: see ``wantFile(_:)``.
    public func readFile(_ address: String) async throws -> Data? {
        try await call { try $0.readFile(address: address) }
    }

    /// Has the file at an address come with the next sync, unless it is here.
    public func wantFile(_ address: String) async throws {
        try await call { try $0.wantFile(address: address) }
    }

    /// Each change of some sources, or of all if none is named.
    public func watch(_ sources: [String] = []) -> AsyncStream<[String]> {
        AsyncStream { [core] continuation in
            let watch = core.watch(sources: sources, listener: Listener { continuation.yield($0) })
            continuation.onTermination = { _ in core.unwatch(watch: watch) }
        }
    }

    /// The answer to a query, now and after each change of what it reads.
    public func live(
        _ sql: String, _ params: [Value] = []
    ) async throws -> AsyncThrowingMapSequence<AsyncStream<Void>, [Row]> {
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watch = try await call {
            try $0.watchQuery(sql: sql, listener: Listener { _ in continuation.yield() })
        }
        continuation.onTermination = { [core] _ in core.unwatch(watch: watch) }
        continuation.yield()
        return changes.map { _ in try await self.query(sql, params) }
    }

    /// Sends what was done and brings what is new. How it ended is in the report: that there is no network is no error. Cancelling the
    /// task cancels the sync.
    @discardableResult
    public func sync(
        _ options: SyncOptions = SyncOptions(), progressed: (@Sendable (SyncProgress) -> Void)? = nil
    ) async throws -> SyncReport {
        let listener = progressed.map(ProgressTeller.init)
        return try await cancellable { try $0.sync(options: options, listener: listener) }
    }

    /// Syncs what a push message asks to sync; `nil` if it is not the server's.
    public func handlePing(_ payload: String, deadlineMs: UInt64? = nil) async throws -> SyncReport? {
        try await cancellable { try $0.handlePing(payload: payload, deadlineMs: deadlineMs) }
    }

    /// Ends the sync that is under way as soon as it can.
    public func cancel() {
        core.cancel()
        (transport as? URLSessionTransport)?.cancel()
    }

    /// The changes that have no verdict yet, oldest first.
    public func pending() async throws -> [PendingChange] {
        try await call { try $0.pending() }
    }

    /// The changes that failed and wait to be retried or discarded, oldest first.
    public func failed() async throws -> [FailedChange] {
        try await call { try $0.failed() }
    }

    /// Sends a change that failed once more, with `values` in the place of its own if there are some. So a conflict is resolved.
    public func retry(_ change: String, with values: Attributes? = nil) async throws {
        try await call { try $0.retry(change: change, values: values) }
    }

    /// Forgets a change that failed.
    public func discard(_ change: String) async throws {
        try await call { try $0.discard(change: change) }
    }

    /// How the sources are.
    public func sources() async throws -> [SourceStatus] {
        try await call { try $0.sources() }
    }

    /// How the database is, as JSON, for support. It has no tokens and no values of objects.
    public func diagnostics() async throws -> String {
        try await call { try $0.diagnostics() }
    }
}

/// Runs a call that blocks where it holds up nobody: Swift has few threads for tasks.
private func run<T: Sendable>(on queue: DispatchQueue, _ call: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Result(catching: call)) }
    }
}

private final class Listener: ChangeListener {
    private let told: @Sendable ([String]) -> Void

    init(_ told: @escaping @Sendable ([String]) -> Void) {
        self.told = told
    }

    func changed(sources: [String]) {
        told(sources)
    }
}

private final class ProgressTeller: ProgressListener {
    private let told: @Sendable (SyncProgress) -> Void

    init(_ told: @escaping @Sendable (SyncProgress) -> Void) {
        self.told = told
    }

    func progressed(progress: SyncProgress) {
        told(progress)
    }
}
