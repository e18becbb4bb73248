import Foundation
import RhoSyncCore

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Carries requests by `URLSession`.
public final class URLSessionTransport: NSObject, Transport, URLSessionDataDelegate, @unchecked Sendable {
    /// Guards `running`.
    private let lock = NSLock()
    private var running: [Int: Exchange] = [:]
    private var session: URLSession!

    /// - Parameter configuration: certificates, proxies and the like. Cookies and caches are switched off.
    public init(configuration: URLSessionConfiguration = .ephemeral) {
        super.init()
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    }

    /// Lets go of the connections. The session keeps its delegate until then.
    func close() {
        session.invalidateAndCancel()
    }

    public func send(request: HttpRequest, conversation: Conversation) throws {
        guard let url = URL(string: request.url) else {
            throw HostError.Failed(reason: "\(request.url) is no address")
        }
        let seconds = Double(request.timeoutMs) / 1000
        var carried = URLRequest(url: url, timeoutInterval: seconds)
        carried.httpMethod = request.method
        for header in request.headers {
            carried.setValue(header.value, forHTTPHeaderField: header.name)
        }
        // An empty file has a body too, of no bytes.
        if !request.body.isEmpty || request.method == "PUT" {
            carried.httpBody = request.body
        }
        let task = session.dataTask(with: carried)
        let exchange = Exchange(task: task, conversation: conversation)
        lock.withLock { running[task.taskIdentifier] = exchange }
        defer { _ = lock.withLock { running.removeValue(forKey: task.taskIdentifier) } }
        // Whoever cancels before it is in the list of those that run is heard here.
        if conversation.isCancelled() { exchange.end("it was cancelled") } else { task.resume() }
        if let failure = exchange.wait(seconds: seconds) {
            task.cancel()
            throw HostError.Failed(reason: failure)
        }
    }

    /// Ends the requests that are under way.
    public func cancel() {
        for exchange in lock.withLock({ Array(running.values) }) {
            exchange.end("it was cancelled")
        }
    }

    private func exchange(of task: URLSessionTask) -> Exchange? {
        lock.withLock { running[task.taskIdentifier] }
    }

    public func urlSession(
        _: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let isWanted = exchange(of: dataTask)?.head(response) ?? false
        completionHandler(isWanted ? .allow : .cancel)
    }

    public func urlSession(_: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        if exchange(of: dataTask)?.piece(data) != true { dataTask.cancel() }
    }

    public func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: Error?) {
        exchange(of: task)?.end(error.map(\.localizedDescription))
    }

    public func urlSession(
        _: URLSession, task _: URLSessionTask, willPerformHTTPRedirection _: HTTPURLResponse,
        newRequest _: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// What the library reads of an answer's headers.
private let told = ["Retry-After", "ETag", "Content-Range"]

/// A request that is under way.
private final class Exchange: @unchecked Sendable {
    private let task: URLSessionTask
    private let conversation: Conversation
    private let ended = DispatchSemaphore(value: 0)
    /// Guards `failure`.
    private let lock = NSLock()
    /// Why there is no answer, or not all of it; the outer `nil` while it is under way.
    private var failure: String??

    init(task: URLSessionTask, conversation: Conversation) {
        self.task = task
        self.conversation = conversation
    }

    /// Hands over the head of the answer. `false` says that nobody wants the rest.
    func head(_ response: URLResponse) -> Bool {
        guard let response = response as? HTTPURLResponse else {
            end("it is no answer of HTTP")
            return false
        }
        let headers = told.compactMap { name in
            response.value(forHTTPHeaderField: name).map { Header(name: name, value: $0) }
        }
        return wanted(conversation.answerHead(status: UInt16(response.statusCode), headers: headers))
    }

    /// Hands over a piece of its body.
    func piece(_ bytes: Data) -> Bool {
        wanted(conversation.answerChunk(bytes: bytes))
    }

    private func wanted(_ isWanted: Bool) -> Bool {
        if !isWanted { end("it was cut off") }
        return isWanted
    }

    /// The first end counts.
    func end(_ why: String?) {
        let isFirst = lock.withLock {
            defer { failure = failure ?? .some(why) }
            return failure == nil
        }
        if isFirst { ended.signal() }
    }

    /// Waits for the end. Says what went wrong.
    func wait(seconds: Double) -> String? {
        if ended.wait(timeout: .now() + seconds) == .timedOut { end("the server takes too long") }
        return lock.withLock { failure ?? nil }
    }
}
