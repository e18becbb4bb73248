"""Carries requests by what Python has."""

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
import urllib.parse
import zlib

from .rhosync_native import Header, HostError, Transport

PIECE = 64 * 1024


class HttpTransport(Transport):
    """HTTP by `http.client`, and HTTPS by `ssl`, which trusts whom the system trusts or whom `context` does."""

    def __init__(self, context: ssl.SSLContext | None = None):
        self._context = context
        self._running = set()
        self._lock = threading.Lock()

    def send(self, request, conversation):
        # A call of the network cannot be interrupted: it has a thread of its own, whose socket is shut down if nobody wants the answer.
        came = queue.Queue()
        sockets = []
        with self._lock:
            self._running.add(came)
        try:
            if conversation.is_cancelled():
                raise HostError.Failed("it was cancelled")
            arguments = (self._connection(request), request, came, sockets)
            threading.Thread(target=_carry, args=arguments, daemon=True).start()
            _hand_over(came, request.timeout_ms / 1000, conversation)
        finally:
            with self._lock:
                self._running.discard(came)
            for connected in sockets:
                with contextlib.suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)

    def cancel(self):
        """Ends the requests that are under way."""
        with self._lock:
            for came in self._running:
                came.put(HostError.Failed("it was cancelled"))

    def _connection(self, request):
        url = urllib.parse.urlsplit(request.url)
        timeout = request.timeout_ms / 1000
        if url.scheme == "https":
            context = self._context or ssl.create_default_context()
            return http.client.HTTPSConnection(url.netloc, timeout=timeout, context=context)
        return http.client.HTTPConnection(url.netloc, timeout=timeout)


def _hand_over(came, timeout, conversation):
    until = time.monotonic() + timeout
    while True:
        try:
            piece = came.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise HostError.Failed("the server takes too long") from None
        if piece is None:
            return
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, tuple):
            is_wanted = conversation.answer_head(*piece)
        else:
            is_wanted = conversation.answer_chunk(piece)
        if not is_wanted:
            raise HostError.Failed("it was cut off")


def _carry(connection, request, came, sockets):
    try:
        with contextlib.closing(connection):
            connection.connect()
            sockets.append(connection.sock)
            url = urllib.parse.urlsplit(request.url)
            target = f"{url.path}?{url.query}" if url.query else url.path
            headers = {header.name: header.value for header in request.headers}
            headers |= {"Accept-Encoding": "gzip", "Connection": "close"}
            connection.request(request.method, target, body=request.body or None, headers=headers)
            with connection.getresponse() as answer:
                _read(answer, came)
    except Exception as error:  # whatever it is, there is no answer
        came.put(HostError.Failed(str(error) or type(error).__name__))


def _read(answer, came):
    came.put((answer.status, [Header(name=name, value=value) for name, value in answer.getheaders()]))
    is_packed = answer.getheader("Content-Encoding", "").lower() == "gzip"
    unpacked = zlib.decompressobj(zlib.MAX_WBITS | 16) if is_packed else None
    while piece := answer.read1(PIECE):
        came.put(unpacked.decompress(piece) if unpacked else piece)
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    came.put(None)
