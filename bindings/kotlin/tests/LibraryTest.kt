// The library against a server: RHOSYNC_TEST_SERVER says where it is. It has the users anna and ben, and the sources of the shop.

import com.rhosync.Database
import com.rhosync.core.Ended
import com.rhosync.core.FileState
import com.rhosync.core.Operation
import com.rhosync.core.Progress
import com.rhosync.core.RemovalReason
import com.rhosync.core.RhoSyncException
import com.rhosync.core.SourceOptions
import com.rhosync.core.SyncOptions
import com.rhosync.core.SyncReport
import java.net.InetAddress
import java.net.ServerSocket
import java.nio.file.Files
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext

private val server: String = System.getenv("RHOSYNC_TEST_SERVER")
private val folder = Files.createTempDirectory("rhosync")

private fun same(found: Any?, wanted: Any?) = check(found == wanted) { "$found and not $wanted" }

private suspend fun open(file: String, user: String? = null, url: String = server): Database {
    val sources = listOf(SourceOptions(name = "Product", search = listOf("name")), SourceOptions(name = "Merged"))
    val database = Database.open(folder.resolve(file).toString(), url, sources)
    user?.let { same(database.signIn(it, "$it's secret").user, it) }
    return database
}

private suspend fun Database.syncAll(progressed: ((Progress) -> Unit)? = null): SyncReport {
    val report = sync(progressed = progressed)
    check(report.ended is Ended.Complete) { report }
    return report
}

private suspend inline fun <reified E : Throwable> fails(call: () -> Unit): E {
    try {
        call()
    } catch (error: Throwable) {
        return error as? E ?: throw error
    }
    error("it went well")
}

private suspend fun anAppWorksOfflineAndSyncs() {
    var database = open("app.db")
    same(database.user(), null)
    val lamp = database.create("Product", mapOf("name" to "made offline", "price" to 2.5))
    check(database.sync().ended is Ended.SignedOut)
    fails<RhoSyncException.LoginRefused> { database.signIn("anna", "wrong") }
    database.signIn("anna", "anna's secret")
    val steps = mutableListOf<Progress>()
    val report = database.syncAll { steps.add(it) }
    same(report.applied.map { it.`object` }, listOf(lamp))
    same(steps.last().objects, report.received)
    val made = database.get("Product", lamp)!!
    check(made.remoteId != lamp && !made.isPending)
    database.close()

    database = open("app.db")
    same(database.user(), "anna")
    database.update("Product", lamp, mapOf("price" to "3"))
    same((database.pending().single().operation as Operation.Update).set, mapOf("price" to "3"))
    val rows = database.query("SELECT name, price, pending FROM Product WHERE id = ?", listOf(lamp))
    same(rows, listOf(mapOf("name" to "made offline", "price" to "3", "pending" to 1L)))
    database.syncAll()
    same(database.search("Product", "offl").first().attributes["price"], "3")
    check(database.list("Product").size > 1 && database.sources().all { it.isBegun })
    check("\"signed_in\": true" in database.diagnostics())
    database.close()
}

private suspend fun valuesComeBackAsTheyWere() = open("values.db").use {
    val values = mapOf("text" to "aä😀", "yes" to true, "whole" to Long.MIN_VALUE, "part" to 0.5, "none" to null)
    same(it.get("Product", it.create("Product", values))!!.attributes, values)
}

private suspend fun aRefusedChangeWaitsWithItsReason() = open("refused.db", "anna").use {
    it.syncAll()
    val cheap = it.create("Product", mapOf("name" to "x", "price" to "-1"))
    same(it.syncAll().failed.size, 1)
    same(it.get("Product", cheap), null)
    val failed = it.failed().single()
    check("negative" in failed.reason!!)
    it.retry(failed.id, mapOf("name" to "x", "price" to "1"))
    same(it.syncAll().applied.size, 1)
    same(it.failed(), emptyList<Any>())
}

private suspend fun aConflictHasBothValues() {
    val anna = open("anna.db", "anna")
    val ben = open("ben.db", "ben")
    val mine = anna.create("Merged", mapOf("name" to "n", "a" to "1"))
    anna.syncAll()
    ben.syncAll()
    val theirs = anna.get("Merged", mine)!!.remoteId!!
    ben.update("Merged", theirs, mapOf("a" to "Ben's"))
    ben.syncAll()
    anna.update("Merged", mine, mapOf("a" to "Anna's"))
    val failed = anna.syncAll().failed.single()
    check(failed.isConflict)
    same((failed.operation as Operation.Update).set, mapOf("a" to "Anna's"))
    same(failed.current!!["a"], "Ben's")
    anna.retry(failed.id, mapOf("a" to "both"))
    anna.syncAll()
    ben.syncAll()
    same(ben.get("Merged", theirs)!!.attributes["a"], "both")
    anna.close()
    ben.close()
}

private suspend fun theBackEndIsSearched() = open("search.db", "anna").use {
    val found = it.searchRemote("Product", mapOf("name" to "lamp", "since" to 2024))
    check(found.isNotEmpty() && found.all { one -> one.isFound })
    same(it.list("Product").size, found.size)
    it.forgetFound("Product")
    same(it.list("Product"), emptyList<Any>())
    fails<RhoSyncException.UnknownSource> { it.searchRemote("Nothing") }
}

private suspend fun aSourceIsNarrowedDownToAPart() = open("part.db", "anna").use {
    it.syncAll()
    fails<RhoSyncException.UnknownSource> { it.setParameters("Nothing", emptyMap()) }
    it.setParameters("Product", mapOf("since" to 2024))
    val removed = it.syncAll().removed.single()
    check(removed.source == "Product" && removed.reason == RemovalReason.MOVED)
    same(it.syncAll().removed, emptyList<Any>())
}

private suspend fun filesGoWithTheirObjects() {
    val anna = open("files.db", "anna")
    val ben = open("theirs.db", "ben")
    val photo = ByteArray(1_300_001) { (it * it % 251).toByte() }
    val address = anna.addFile("my photo.png", "image/png", photo)
    same(anna.file(address)!!.state, FileState.QUEUED)
    val empty = anna.addFile("nothing", "text/plain", ByteArray(0))
    val visit = anna.create("Merged", mapOf("photo-rhoblob" to address))
    anna.create("Merged", mapOf("photo-rhoblob" to empty))
    same(anna.syncAll().applied.size, 2)
    same(anna.file(address)!!.state, FileState.HERE)
    ben.syncAll()
    val theirs = ben.get("Merged", anna.get("Merged", visit)!!.remoteId!!)!!.attributes["photo-rhoblob"] as String
    same(ben.readFile(theirs), null)
    listOf(theirs, empty).forEach { ben.wantFile(it) }
    ben.syncAll()
    check(ben.readFile(theirs).contentEquals(photo) && ben.readFile(empty).contentEquals(ByteArray(0)))
    fails<RhoSyncException.Invalid> { ben.file("https://pictures.example/1.png") }
    fails<RhoSyncException.Invalid> { ben.changeKey("of a file that has none") }
    anna.close()
    ben.close()
}

private suspend fun watchesAreFlows() = runBlocking {
    val database = open("watch.db")
    val heard = Channel<Any?>(Channel.UNLIMITED)
    val live = launch { database.live("SELECT count(*) AS n FROM Product").collect { heard.send(it.single()["n"]) } }
    same(heard.receive(), 0L)
    database.create("Merged", mapOf("name" to "n"))
    database.create("Product", mapOf("name" to "n"))
    same(heard.receive(), 1L)
    live.cancelAndJoin()
    database.close()
}

private suspend fun aSyncIsCancelled() = runBlocking {
    open("cancel.db", "anna").close()
    ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { silent ->
        val database = open("cancel.db", url = "http://127.0.0.1:${silent.localPort}")
        val syncing = async { database.sync() }
        withContext(Dispatchers.IO) { silent.accept() }.use {
            database.cancel()
            check(syncing.await().ended is Ended.Cancelled)
        }
        val job = launch { database.sync() }
        withContext(Dispatchers.IO) { silent.accept() }.use { job.cancelAndJoin() }
        // The one that was cancelled holds nothing any more.
        check(database.sync(SyncOptions(deadlineMs = 0uL)).ended is Ended.DeadlinePassed)
        database.close()
    }
}

private suspend fun errorsHaveKinds() = open("errors.db").use {
    val unknown = fails<RhoSyncException.UnknownSource> { it.create("Nothing", emptyMap()) }
    same(unknown.sourceName, "Nothing")
    fails<RhoSyncException.Invalid> { it.query("DELETE FROM Product") }
    fails<IllegalArgumentException> { it.create("Product", mapOf("list" to listOf(1))) }
    val offline = open("offline.db", url = "http://127.0.0.1:1")
    fails<RhoSyncException.Offline> { offline.signIn("anna", "x") }
    offline.close()
}

fun main() = runBlocking {
    anAppWorksOfflineAndSyncs()
    valuesComeBackAsTheyWere()
    aRefusedChangeWaitsWithItsReason()
    aConflictHasBothValues()
    theBackEndIsSearched()
    aSourceIsNarrowedDownToAPart()
    filesGoWithTheirObjects()
    watchesAreFlows()
    aSyncIsCancelled()
    errorsHaveKinds()
    println("everything passed")
}
