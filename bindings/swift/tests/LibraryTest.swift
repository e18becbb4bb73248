// The library against a server: RHOSYNC_TEST_SERVER says where it is. It has the users anna and ben, and the sources of the shop.

import Foundation
import RhoSync

#if canImport(Glibc)
    import Glibc
#endif

let server = ProcessInfo.processInfo.environment["RHOSYNC_TEST_SERVER"]!
let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)

func check(_ holds: Bool, _ what: @autoclosure () -> Any = "", line: Int = #line) {
    guard holds else { fatalError("line \(line): \(what())") }
}

func same<T: Equatable>(_ found: T, _ wanted: T, line: Int = #line) {
    check(found == wanted, "\(found) and not \(wanted)", line: line)
}

@Sendable func open(_ file: String, as user: String? = nil, at url: String = server) async throws -> Database {
    let sources = [SourceOptions(name: "Product", search: ["name"]), SourceOptions(name: "Merged")]
    let path = folder.appendingPathComponent(file).path
    let database = try await Database(path: path, server: url, sources: sources)
    if let user {
        same(try await database.signIn(login: user, password: "\(user)'s secret").user, user)
    }
    return database
}

@discardableResult
func syncAll(_ database: Database, progressed: (@Sendable (SyncProgress) -> Void)? = nil) async throws -> SyncReport {
    let report = try await database.sync(progressed: progressed)
    check(report.ended == .complete, report)
    return report
}

func fails(line: Int = #line, _ call: () async throws -> Void) async -> RhoSyncError {
    do {
        try await call()
    } catch let error as RhoSyncError {
        return error
    } catch {
        fatalError("line \(line): \(error)")
    }
    fatalError("line \(line): it went well")
}

/// What several threads add to.
final class Steps: @unchecked Sendable {
    private let lock = NSLock()
    private var steps: [SyncProgress] = []

    func add(_ step: SyncProgress) {
        lock.withLock { steps.append(step) }
    }

    var last: SyncProgress? {
        lock.withLock { steps.last }
    }
}

func anAppWorksOfflineAndSyncs() async throws {
    let lamp: String
    do {
        let database = try await open("app.db")
        same(try await database.user(), nil)
        lamp = try await database.create("Product", ["name": "made offline", "price": 2.5])
        same(try await database.sync().ended, .signedOut)
        let refused = await fails { try await database.signIn(login: "anna", password: "wrong") }
        guard case .LoginRefused = refused else { fatalError("\(refused)") }
        check(!refused.message.isEmpty)
        try await database.signIn(login: "anna", password: "anna's secret")
        let steps = Steps()
        let report = try await syncAll(database) { steps.add($0) }
        same(report.applied.map(\.object), [lamp])
        same(steps.last?.objects, report.received)
        let made = try await database.get("Product", id: lamp)!
        check(made.remoteId != lamp && !made.isPending)
    }
    let database = try await open("app.db")
    same(try await database.user(), "anna")
    try await database.update("Product", id: lamp, set: ["price": "3"])
    let operation = ObjectOperation.update(source: "Product", id: lamp, set: ["price": "3"], unset: [])
    same(try await database.pending().map(\.operation), [operation])
    let rows = try await database.query("SELECT name, price, pending FROM Product WHERE id = ?", [Value(lamp)])
    same(rows, [["name": "made offline", "price": "3", "pending": 1]])
    try await syncAll(database)
    same(try await database.search("Product", for: "offl").first?.attributes["price"]?.text, "3")
    check(try await database.list("Product").count > 1)
    check(try await database.sources().allSatisfy { $0.isBegun })
    check(try await database.diagnostics().contains("\"signed_in\": true"))
}

func valuesComeBackAsTheyWere() async throws {
    let database = try await open("values.db")
    let values: Attributes = [
        "text": "aä😀", "yes": true, "whole": Value(Int64.min), "part": 0.5, "none": nil,
    ]
    let id = try await database.create("Product", values)
    let found = try await database.get("Product", id: id)!.attributes
    same(found, values)
    same(found["whole"]?.integer, Int64.min)
    same(found["part"]?.number, 0.5)
    same(found["yes"]?.boolean, true)
}

func aRefusedChangeWaitsWithItsReason() async throws {
    let database = try await open("refused.db", as: "anna")
    try await syncAll(database)
    let cheap = try await database.create("Product", ["name": "x", "price": "-1"])
    same(try await syncAll(database).failed.count, 1)
    same(try await database.get("Product", id: cheap), nil)
    let failed = try await database.failed()[0]
    check(failed.reason!.contains("negative"), failed)
    try await database.retry(failed.id, with: ["name": "x", "price": "1"])
    same(try await syncAll(database).applied.count, 1)
    same(try await database.failed(), [])
}

func aConflictHasBothValues() async throws {
    let anna = try await open("anna.db", as: "anna")
    let ben = try await open("ben.db", as: "ben")
    let mine = try await anna.create("Merged", ["name": "n", "a": "1"])
    try await syncAll(anna)
    try await syncAll(ben)
    let theirs = try await anna.get("Merged", id: mine)!.remoteId!
    try await ben.update("Merged", id: theirs, set: ["a": "Ben's"])
    try await syncAll(ben)
    try await anna.update("Merged", id: mine, set: ["a": "Anna's"])
    let failed = try await syncAll(anna).failed[0]
    check(failed.isConflict)
    same(failed.operation, .update(source: "Merged", id: mine, set: ["a": "Anna's"], unset: []))
    same(failed.current?["a"], "Ben's")
    try await anna.retry(failed.id, with: ["a": "both"])
    try await syncAll(anna)
    try await syncAll(ben)
    same(try await ben.get("Merged", id: theirs)?.attributes["a"], "both")
}

func filesGoWithTheirObjects() async throws {
    let anna = try await open("files.db", as: "anna")
    let ben = try await open("theirs.db", as: "ben")
    let photo = Data((0..<1_300_001).map { UInt8(($0 &* $0) % 251) })
    let address = try await anna.addFile(name: "my photo.png", contentType: "image/png", content: photo)
    same(try await anna.file(address)?.state, .queued)
    let empty = try await anna.addFile(name: "nothing", contentType: "text/plain", content: Data())
    let visit = try await anna.create("Merged", ["photo-rhoblob": Value(address)])
    try await anna.create("Merged", ["photo-rhoblob": Value(empty)])
    same(try await syncAll(anna).applied.count, 2)
    same(try await anna.file(address)?.state, .here)
    try await syncAll(ben)
    let remote = try await anna.get("Merged", id: visit)!.remoteId!
    let theirs = try await ben.get("Merged", id: remote)!.attributes["photo-rhoblob"]!.text!
    same(try await ben.readFile(theirs), nil)
    try await ben.wantFile(theirs)
    try await ben.wantFile(empty)
    try await syncAll(ben)
    same(try await ben.readFile(theirs), photo)
    same(try await ben.readFile(empty), Data())
    let elsewhere = await fails { _ = try await ben.file("https://pictures.example/1.png") }
    guard case .Invalid = elsewhere else { fatalError("\(elsewhere)") }
    let keyless = await fails { try await ben.changeKey("of a file that has none") }
    guard case .Invalid = keyless else { fatalError("\(keyless)") }
}

func theBackEndIsSearched() async throws {
    let database = try await open("search.db", as: "anna")
    let found = try await database.searchRemote("Product", ["name": "lamp", "since": 2024])
    check(!found.isEmpty && found.allSatisfy(\.isFound))
    same(try await database.list("Product").count, found.count)
    try await database.forgetFound("Product")
    same(try await database.list("Product"), [])
    let unknown = await fails { _ = try await database.searchRemote("Nothing") }
    same(unknown, .UnknownSource(sourceName: "Nothing"))
}

func aSourceIsNarrowedDownToAPart() async throws {
    let database = try await open("part.db", as: "anna")
    try await syncAll(database)
    let unknown = await fails { try await database.setParameters("Nothing", [:]) }
    same(unknown, .UnknownSource(sourceName: "Nothing"))
    try await database.setParameters("Product", ["since": 2024])
    same(try await syncAll(database).removed, [Removal(source: "Product", reason: .moved)])
    same(try await syncAll(database).removed, [])
}

func watchesAreAsyncSequences() async throws {
    let database = try await open("watch.db")
    var heard = database.watch(["Product"]).makeAsyncIterator()
    var live = try await database.live("SELECT count(*) AS n FROM Product").makeAsyncIterator()
    same(try await live.next(), [["n": 0]])
    try await database.create("Merged", ["name": "n"])
    try await database.create("Product", ["name": "n"])
    same(try await live.next(), [["n": 1]])
    same(await heard.next(), ["Product"])
    let wrong = await fails { _ = try await database.live("DELETE FROM Product") }
    guard case .Invalid = wrong else { fatalError("\(wrong)") }
}

/// A server that takes connections and says nothing.
struct SilentServer: Sendable {
    let socket: Int32
    let port: UInt16

    init() {
        #if canImport(Glibc)
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let file = socket
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                check(bind(file, $0, length) == 0 && listen(file, 1) == 0 && getsockname(file, $0, &length) == 0)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    /// Waits until somebody calls.
    func accept() async -> Int32 {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [socket] in
                #if canImport(Glibc)
                    continuation.resume(returning: Glibc.accept(socket, nil, nil))
                #else
                    continuation.resume(returning: Darwin.accept(socket, nil, nil))
                #endif
            }
        }
    }
}

func aSyncIsCancelled() async throws {
    _ = try await open("cancel.db", as: "anna")
    let silent = SilentServer()
    let database = try await open("cancel.db", at: "http://127.0.0.1:\(silent.port)")
    let syncing = Task { try await database.sync() }
    var caller = await silent.accept()
    database.cancel()
    same(try await syncing.value.ended, .cancelled)
    close(caller)
    let task = Task { try await database.sync() }
    caller = await silent.accept()
    task.cancel()
    same(try await task.value.ended, .cancelled)
    close(caller)
    // The one that was cancelled holds nothing any more.
    same(try await database.sync(SyncOptions(deadlineMs: 0)).ended, .deadlinePassed)
}

func errorsHaveKinds() async throws {
    let database = try await open("errors.db")
    let unknown = await fails { try await database.create("Nothing", [:]) }
    same(unknown, .UnknownSource(sourceName: "Nothing"))
    let written = await fails { _ = try await database.query("DELETE FROM Product") }
    guard case .Invalid = written else { fatalError("\(written)") }
    let offline = try await open("offline.db", at: "http://127.0.0.1:1")
    let unreachable = await fails { try await offline.signIn(login: "anna", password: "x") }
    guard case .Offline = unreachable else { fatalError("\(unreachable)") }
}

try await anAppWorksOfflineAndSyncs()
try await valuesComeBackAsTheyWere()
try await aRefusedChangeWaitsWithItsReason()
try await aConflictHasBothValues()
try await filesGoWithTheirObjects()
try await theBackEndIsSearched()
try await aSourceIsNarrowedDownToAPart()
try await watchesAreAsyncSequences()
try await aSyncIsCancelled()
try await errorsHaveKinds()
try FileManager.default.removeItem(at: folder)
print("everything passed")
