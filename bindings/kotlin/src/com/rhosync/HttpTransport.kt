package com.rhosync

import com.rhosync.core.Conversation
import com.rhosync.core.Header
import com.rhosync.core.HostException
import com.rhosync.core.HttpRequest
import com.rhosync.core.Transport
import java.net.HttpURLConnection
import java.net.URI
import java.util.concurrent.BlockingQueue
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

private const val PIECE = 64 * 1024

/** What the library reads of an answer's headers. */
private val TOLD = listOf("Retry-After", "ETag", "Content-Range")

/** What the network brings. */
private sealed interface Came {
    class Head(val status: Int, val headers: List<Header>) : Came

    class Piece(val bytes: ByteArray) : Came

    class End(val failure: String?) : Came
}

/** Carries requests by what the Java library and Android have. */
public class HttpTransport : Transport {
    private val running: MutableSet<BlockingQueue<Came>> = ConcurrentHashMap.newKeySet()

    override fun send(request: HttpRequest, conversation: Conversation) {
        // A call of the network cannot be interrupted: it has a thread of its own, which is left alone if nobody wants the answer.
        val came = LinkedBlockingQueue<Came>()
        val connection = URI(request.url).toURL().openConnection() as HttpURLConnection
        running.add(came)
        try {
            // Whoever cancels before it is in the list of those that run is heard here.
            if (conversation.isCancelled()) throw HostException.Failed("it was cancelled")
            thread(isDaemon = true, name = "rhosync") { came.add(Came.End(carry(connection, request, came))) }
            handOver(came, request.timeoutMs.toLong(), conversation)
        } finally {
            running.remove(came)
            connection.disconnect()
        }
    }

    /** Ends the requests that are under way. */
    public fun cancel() {
        running.forEach { it.add(Came.End("it was cancelled")) }
    }
}

private fun handOver(came: BlockingQueue<Came>, timeoutMs: Long, conversation: Conversation) {
    val until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs)
    while (true) {
        val isWanted = when (val next = came.poll(until - System.nanoTime(), TimeUnit.NANOSECONDS)) {
            null -> throw HostException.Failed("the server takes too long")
            is Came.Head -> conversation.answerHead(next.status.toUShort(), next.headers)
            is Came.Piece -> conversation.answerChunk(next.bytes)
            is Came.End -> return next.failure?.let { throw HostException.Failed(it) } ?: Unit
        }
        if (!isWanted) throw HostException.Failed("it was cut off")
    }
}

/** Sends a request and reads the answer. Says why there is none, or not all. */
private fun carry(connection: HttpURLConnection, request: HttpRequest, came: BlockingQueue<Came>): String? =
    try {
        val timeout = request.timeoutMs.toLong().coerceAtMost(Int.MAX_VALUE.toLong()).toInt()
        connection.connectTimeout = timeout
        connection.readTimeout = timeout
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        connection.requestMethod = request.method
        request.headers.forEach { connection.setRequestProperty(it.name, it.value) }
        // An empty file has a body too, of no bytes.
        if (request.body.isNotEmpty() || request.method == "PUT") {
            // Not streamed: of an answer 401 to what is, Java hands out no body.
            connection.doOutput = true
            connection.outputStream.use { it.write(request.body) }
        }
        val status = connection.responseCode
        came.add(Came.Head(status, TOLD.mapNotNull { name -> connection.getHeaderField(name)?.let { Header(name, it) } }))
        val body = if (status >= 400) connection.errorStream else connection.inputStream
        body?.use {
            val piece = ByteArray(PIECE)
            while (true) {
                val length = it.read(piece)
                if (length < 0) break
                came.add(Came.Piece(piece.copyOf(length)))
            }
        }
        null
    } catch (error: Exception) {
        // Whatever it is, there is no answer.
        error.message ?: error.toString()
    }
