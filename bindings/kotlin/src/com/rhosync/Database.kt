package com.rhosync

import com.rhosync.core.ChangeListener
import com.rhosync.core.Credentials
import com.rhosync.core.DeviceOptions
import com.rhosync.core.FailedChange
import com.rhosync.core.FileStatus
import com.rhosync.core.Operation
import com.rhosync.core.Options
import com.rhosync.core.PendingChange
import com.rhosync.core.Progress
import com.rhosync.core.ProgressListener
import com.rhosync.core.SignedIn
import com.rhosync.core.SourceOptions
import com.rhosync.core.SourceStatus
import com.rhosync.core.StoredObject
import com.rhosync.core.SyncOptions
import com.rhosync.core.SyncReport
import com.rhosync.core.Transport
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.withContext
import com.rhosync.core.Database as Core

/**
 * An offline database that keeps itself in sync with a server.
 *
 * Calls that read or write the file, or wait for the network, are `suspend` functions, which run on [Dispatchers.IO]. What they write is on
 * disk when they return.
 */
public class Database private constructor(private val core: Core, private val transport: Transport) : AutoCloseable {
    public companion object {
        /**
         * Opens a database file, or makes it. Files that objects refer to may have [fileQuotaBytes] together, 512 MiB where it is
         * not said. [key] encrypts the database file, where the library was built with encryption: 64 hexadecimal digits are a key, any
         * other text is a passphrase.
         */
        public suspend fun open(
            path: String,
            server: String,
            sources: List<SourceOptions>,
            device: DeviceOptions = DeviceOptions(),
            transport: Transport = HttpTransport(),
            fileQuotaBytes: Long? = null,
            key: String? = null,
        ): Database = withContext(Dispatchers.IO) {
            Database(Core.open(path, Options(server, sources, device, fileQuotaBytes?.toULong(), key), transport), transport)
        }
    }

    private suspend fun <T> call(call: Core.() -> T): T = withContext(Dispatchers.IO) { core.call() }

    /**
     * Encrypts the database file by another key, all or nothing. No other process may have it open. `Invalid` for one that was opened
     * without a key.
     */
    public suspend fun changeKey(key: String): Unit = call { changeKey(key) }

    /** Who is signed in. */
    public suspend fun user(): String? = call { user() }

    /**
     * Signs a user in. What is in the database stays if it is his and this device's. Otherwise it is erased: look at [pending] before, if
     * another user may have left something.
     */
    public suspend fun signIn(login: String, password: String): SignedIn = cancellable { signIn(login, password) }

    /** Signs a user in by what he has. */
    public suspend fun signInWith(credentials: Credentials): SignedIn = cancellable { signInWith(credentials) }

    /** Signs out: at once on the device, and at the server if it can be reached. */
    public suspend fun signOut(): Unit = cancellable { signOut() }

    /** Makes an object, and returns its id, which never changes for the app. It goes up with the next sync. */
    public suspend fun create(source: String, attributes: Map<String, Any?>): String = call { create(source, attributes) }

    /** Sets attributes of an object, and removes those of [unset]. */
    public suspend fun update(source: String, id: String, set: Map<String, Any?>, unset: List<String> = emptyList()) {
        transaction(listOf(Operation.Update(source, id, set, unset)))
    }

    /** Removes an object. */
    public suspend fun delete(source: String, id: String): Unit = call { delete(source, id) }

    /** Makes changes of any objects and sources, all of them or none. Returns the id of each one's object. */
    public suspend fun transaction(operations: List<Operation>): List<String> = call { transaction(operations) }

    /** A new id: a UUID of version 7. */
    public fun newId(): String = core.newId()

    /** An object, by the id that the app knows, or by the back end's. */
    public suspend fun get(source: String, id: String): StoredObject? = call { get(source, id) }

    /** Objects in the order of their ids. */
    public suspend fun list(source: String, limit: Int = 1_000, offset: Int = 0): List<StoredObject> =
        call { list(source, limit.toUInt(), offset.toUInt()) }

    /** Asks a query in SQLite's SQL: each source is a view of its name. A row is a map. */
    public suspend fun query(sql: String, params: List<Any?> = emptyList()): List<Map<String, Any?>> = call {
        val answer = query(sql, params)
        answer.rows.map { answer.columns.zip(it).toMap() }
    }

    /** The objects that have all of the words, or words that begin so; the best first. */
    public suspend fun search(source: String, words: String, limit: Int = 100): List<StoredObject> =
        call { search(source, words, limit.toUInt()) }

    /**
     * Searches a source at its back end, by parameters that it understands; returns what was found. That is kept beside the source's copy, to
     * be read and changed like all objects, until [forgetFound]. Of a source that passes through, which has no copy, this is the way to its
     * objects: what was found before goes then.
     */
    public suspend fun searchRemote(source: String, parameters: Map<String, Any?> = emptyMap()): List<StoredObject> =
        cancellable { searchRemote(source, parameters) }

    /** Forgets what searches at the back end have found in a source. Changes of it go up all the same. */
    public suspend fun forgetFound(source: String): Unit = call { forgetFound(source) }

    /**
     * Keeps a file, and returns its address: what an object refers to it by, in an attribute whose name ends in `-rhoblob`. It goes up with
     * the next sync, before the changes that refer to it. One that no change refers to is removed after a day. `Invalid` if there is no
     * room for it.
     */
    public suspend fun addFile(name: String, contentType: String, content: ByteArray): String =
        call { addFile(name, contentType, content) }

    /** How the file at an address is; `null` if nothing is known of it here. */
    public suspend fun file(address: String): FileStatus? = call { file(address) }

    /** The content of the file at an address; `null` if it is not here: see [wantFile]. */
    public suspend fun readFile(address: String): ByteArray? = call { readFile(address) }

    /** Has the file at an address come with the next sync, unless it is here. */
    public suspend fun wantFile(address: String): Unit = call { wantFile(address) }

    /** Each change of some sources, or of all if none is named. */
    public fun watch(sources: List<String> = emptyList()): Flow<List<String>> = callbackFlow {
        val watch = core.watch(sources, listener { trySend(it) })
        awaitClose { core.unwatch(watch) }
    }

    /** The answer to a query, now and after each change of what it reads. */
    public fun live(sql: String, params: List<Any?> = emptyList()): Flow<List<Map<String, Any?>>> = callbackFlow {
        val watch = call { watchQuery(sql, listener { trySend(Unit) }) }
        trySend(Unit)
        awaitClose { core.unwatch(watch) }
    }.conflate().map { query(sql, params) }

    private fun listener(told: (List<String>) -> Unit): ChangeListener = object : ChangeListener {
        override fun changed(sources: List<String>) = told(sources)
    }

    /**
     * Sends what was done and brings what is new. How it ended is in the report: that there is no network is no error. Cancelling the
     * coroutine cancels the sync.
     */
    public suspend fun sync(options: SyncOptions = SyncOptions(), progressed: ((Progress) -> Unit)? = null): SyncReport {
        val listener = progressed?.let {
            object : ProgressListener {
                override fun progressed(progress: Progress) = it(progress)
            }
        }
        return cancellable { sync(options, listener) }
    }

    /** Syncs what a push message asks to sync; `null` if it is not the server's. */
    public suspend fun handlePing(payload: String, deadlineMs: Long? = null): SyncReport? =
        cancellable { handlePing(payload, deadlineMs?.toULong()) }

    /** Runs a call that waits for the network, and ends it when the coroutine is cancelled. */
    private suspend fun <T> cancellable(call: Core.() -> T): T {
        val running = CoroutineScope(Dispatchers.IO).async { core.call() }
        try {
            return running.await()
        } catch (error: kotlinx.coroutines.CancellationException) {
            cancel()
            withContext(NonCancellable) { running.join() }
            throw error
        }
    }

    /** Ends the sync that is under way as soon as it can. */
    public fun cancel() {
        core.cancel()
        (transport as? HttpTransport)?.cancel()
    }

    /** The changes that have no verdict yet, oldest first. */
    public suspend fun pending(): List<PendingChange> = call { pending() }

    /** The changes that failed and wait to be retried or discarded, oldest first. */
    public suspend fun failed(): List<FailedChange> = call { failed() }

    /** Sends a change that failed once more, with [values] in the place of its own if there are some. So a conflict is resolved. */
    public suspend fun retry(change: String, values: Map<String, Any?>? = null): Unit = call { retry(change, values) }

    /** Forgets a change that failed. */
    public suspend fun discard(change: String): Unit = call { discard(change) }

    /**
     * Narrows a source down to a part of it, by parameters for its back end; none for the whole source. They are kept, and the next sync
     * brings that part in the place of what is there. A source whose changes wait for their verdicts goes over when they have them.
     */
    public suspend fun setParameters(source: String, parameters: Map<String, Any?>): Unit = call { setParameters(source, parameters) }

    /** How the sources are. */
    public suspend fun sources(): List<SourceStatus> = call { sources() }

    /** How the database is, as JSON, for support. It has no tokens and no values of objects. */
    public suspend fun diagnostics(): String = call { diagnostics() }

    /** Ends the sync that is under way, and lets go of the file. */
    override fun close() {
        cancel()
        core.close()
    }
}
