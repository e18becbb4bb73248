"""Watches: who wants to know of changes, and how he hears of them."""

import threading

from .rhosync_native import ChangeListener


class _Heard(ChangeListener):
    """What the library tells goes to a function of the app's."""

    def __init__(self, told):
        self._told = told

    def changed(self, sources):
        self._told(sources)


class Watch:
    """Hears of each change of some sources. Iterating waits for the next; it ends when the watch or the database is closed.

    Changes that come while nobody waits become one.
    """

    def __init__(self, begin, end, told=None):
        self._changed = threading.Condition()
        self._sources = set()
        self._is_closed = False
        self._told = told
        self._end = end
        self._number = begin(_Heard(self._hear))

    def _hear(self, sources):
        with self._changed:
            self._sources.update(sources)
            self._changed.notify_all()
        if self._told:
            self._told(sources)

    def wait(self, timeout: float | None = None) -> list[str] | None:
        """The sources that have changed since it was asked last; `None` if there are none within so many seconds, or it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._sources or self._is_closed, timeout)
            sources, self._sources = sorted(self._sources), set()
            return sources or None

    def close(self) -> None:
        """Ends the watch."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify_all()
        self._end(self, self._number)

    def __iter__(self):
        return self

    def __next__(self) -> list[str]:
        sources = self.wait()
        if sources is None:
            raise StopIteration
        return sources

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Live(Watch):
    """The answer to a query, now and after each change of what it reads."""

    def __init__(self, begin, end, ask):
        self._ask = ask
        self._is_fresh = True
        super().__init__(begin, end)

    def __next__(self) -> list[dict]:
        if self._is_fresh:
            self._is_fresh = False
        else:
            super().__next__()
        return self._ask()
