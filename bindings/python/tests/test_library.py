"""The library against a server: `RHOSYNC_TEST_SERVER` says where it is. It has the users anna and ben, and the sources of the shop."""

import asyncio
import os
import re
import socket
import tempfile
import threading
import unittest
from pathlib import Path

import rhosync

SERVER = os.environ["RHOSYNC_TEST_SERVER"]
README = Path(os.environ["RHOSYNC_TEST_README"])


class Breaking(rhosync.HttpTransport):
    """A network on which the first file breaks off after so many bytes. It notes what answers to questions for files say."""

    def __init__(self, bytes):
        super().__init__()
        self.left = bytes
        self.answers = []

    def send(self, request, conversation):
        super().send(request, Cut(self, conversation) if request.method == "GET" else conversation)


class Cut:
    def __init__(self, network, conversation):
        self.network = network
        self.conversation = conversation
        self.is_cancelled = conversation.is_cancelled

    def answer_head(self, status, headers):
        told = {header.name.lower(): header.value for header in headers}
        self.network.answers.append((status, told.get("content-range")))
        return self.conversation.answer_head(status, headers)

    def answer_chunk(self, piece):
        self.network.left -= len(piece)
        if self.network.left < 0 and len(self.network.answers) == 1:
            raise rhosync.HostError.Failed("it broke off")
        return self.conversation.answer_chunk(piece)


class LibraryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def open(self, user=None, *, server=SERVER, file="app.db"):
        sources = [rhosync.SourceOptions(name="Product", search=["name"]), "Merged"]
        database = rhosync.open(self.folder / file, server=server, sources=sources)
        self.addCleanup(database.close)
        if user:
            self.assertEqual(database.sign_in(user, f"{user}'s secret").user, user)
        return database

    def sync(self, database, **options):
        report = database.sync(**options)
        self.assertTrue(report.ended.is_complete(), report)
        return report

    def test_an_app_works_offline_and_syncs(self):
        with self.open() as database:
            self.assertIsNone(database.user)
            lamp = database.create("Product", {"name": "made offline", "price": 2.5})
            self.assertTrue(database.sync().ended.is_signed_out())
            with self.assertRaises(rhosync.LoginRefused):
                database.sign_in("anna", "wrong")
            database.sign_in("anna", "anna's secret")
            steps = []
            report = self.sync(database, progressed=steps.append)
            self.assertEqual([it.object for it in report.applied], [lamp])
            self.assertEqual(steps[-1].objects, report.received)
            made = database.get("Product", lamp)
            self.assertEqual(made.id, lamp)
            self.assertNotEqual(made.remote_id, lamp)
            self.assertFalse(made.is_pending)
        # What is on disk is there when the app starts again, tokens and all.
        with self.open() as database:
            self.assertEqual(database.user, "anna")
            database.update("Product", lamp, {"price": "3"})
            self.assertEqual(database.pending()[0].operation.set, {"price": "3"})
            rows = database.query("SELECT name, price, pending FROM Product WHERE id = ?", [lamp])
            self.assertEqual(rows, [{"name": "made offline", "price": "3", "pending": 1}])
            self.sync(database)
            self.assertEqual(database.pending(), [])
            self.assertEqual(database.search("Product", "offl")[0].attributes["price"], "3")
            self.assertLess(1, len(database.list("Product")))
            self.assertTrue(all(source.is_begun for source in database.sources()))
            self.assertIn('"signed_in": true', database.diagnostics())
        with self.assertRaises(rhosync.Closed):
            database.create("Product", {})

    def test_the_back_end_is_searched(self):
        database = self.open("anna")
        found = database.search_remote("Product", {"name": "lamp", "since": 2024})
        self.assertTrue(found and all(it.is_found for it in found))
        self.assertEqual(len(database.list("Product")), len(found))
        database.forget_found("Product")
        self.assertEqual(database.list("Product"), [])
        with self.assertRaises(rhosync.UnknownSource):
            database.search_remote("Nothing")

    def test_a_source_is_narrowed_down_to_a_part(self):
        database = self.open("anna")
        self.sync(database)
        with self.assertRaises(rhosync.UnknownSource):
            database.set_parameters("Nothing", {})
        database.set_parameters("Product", {"since": 2024})
        [removed] = self.sync(database).removed
        self.assertEqual((removed.source, removed.reason), ("Product", rhosync.RemovalReason.MOVED))
        self.assertEqual(self.sync(database).removed, [])

    def test_files_go_with_their_objects(self):
        anna, ben = self.open("anna"), self.open("ben", file="ben.db")
        photo = bytes(range(256)) * 5_000
        address = anna.add_file("my photo.png", "image/png", photo)
        self.assertEqual(anna.file(address).state, rhosync.FileState.QUEUED)
        visit = anna.create("Merged", {"photo-rhoblob": address})
        empty = anna.add_file("nothing", "text/plain", b"")
        anna.create("Merged", {"photo-rhoblob": empty})
        self.assertEqual(len(self.sync(anna).applied), 2)
        status = anna.file(address)
        self.assertEqual((status.state, status.bytes, status.content_type), (rhosync.FileState.HERE, len(photo), "image/png"))
        self.sync(ben)
        theirs = ben.get("Merged", anna.get("Merged", visit).remote_id).attributes["photo-rhoblob"]
        self.assertIsNone(ben.read_file(theirs))
        for wanted in (theirs, empty):
            ben.want_file(wanted)
        self.sync(ben)
        self.assertEqual((ben.read_file(theirs), ben.read_file(empty)), (photo, b""))
        missing = f"/blobs/{'0' * 64}/x"
        self.assertIsNone(ben.file(missing))
        ben.want_file(missing)
        self.sync(ben)
        self.assertEqual(ben.file(missing).state, rhosync.FileState.MISSING)
        with self.assertRaises(rhosync.Invalid):
            ben.file("https://pictures.example/1.png")

    def test_a_download_that_breaks_off_goes_on(self):
        anna = self.open("anna")
        photo = os.urandom(1_500_000)
        address = anna.add_file("photo.png", "image/png", photo)
        anna.create("Merged", {"photo-rhoblob": address})
        self.sync(anna)
        transport = Breaking(600_000)
        with rhosync.open(self.folder / "ben.db", server=SERVER, sources=["Merged"], transport=transport) as ben:
            ben.sign_in("ben", "ben's secret")
            self.sync(ben)
            ben.want_file(address)
            self.sync(ben)
            self.assertEqual(ben.read_file(address), photo)
        first, second = transport.answers
        self.assertEqual(first, (200, None))
        self.assertEqual(second[0], 206)
        self.assertRegex(second[1], "bytes [1-9][0-9]*-1499999/1500000")

    def test_files_have_a_quota(self):
        with rhosync.open(self.folder / "app.db", server=SERVER, sources=["Merged"], file_quota_bytes=100) as database:
            address = database.add_file("a", "text/plain", b"a" * 100)
            with self.assertRaises(rhosync.Invalid):
                database.add_file("b", "text/plain", b"b")
            self.assertEqual(database.read_file(address), b"a" * 100)

    def test_a_file_without_a_key_gets_none(self):
        database = self.open()
        with self.assertRaises(rhosync.Invalid) as invalid:
            database.change_key("correct horse")
        self.assertNotIn("horse", str(invalid.exception))

    def test_values_come_back_as_they_were(self):
        database = self.open()
        values = {"text": "a\u00e4\U0001f600", "yes": True, "whole": -(2**63), "part": 0.5, "none": None}
        id = database.create("Product", values)
        self.assertEqual(database.get("Product", id).attributes, values)
        self.assertEqual(database.query("SELECT ? AS a, ? AS b, ? AS c", ["x", 7, None]), [{"a": "x", "b": 7, "c": None}])
        database.update("Product", id, {"part": 1.5}, unset=["none"])
        del values["none"]
        self.assertEqual(database.get("Product", id).attributes, values | {"part": 1.5})
        with self.assertRaises(TypeError):
            database.create("Product", {"list": [1]})

    def test_a_refused_change_waits_with_its_reason(self):
        database = self.open("anna")
        self.sync(database)
        cheap = database.create("Product", {"name": "x", "price": "-1"})
        report = self.sync(database)
        self.assertEqual((report.applied, len(report.failed)), ([], 1))
        self.assertIsNone(database.get("Product", cheap))
        [failed] = database.failed()
        self.assertIn("negative", failed.reason)
        database.retry(failed.id, {"name": "x", "price": "1"})
        self.assertEqual(len(self.sync(database).applied), 1)
        self.assertEqual(database.failed(), [])

    def test_a_conflict_has_both_values(self):
        anna, ben = self.open("anna"), self.open("ben", file="ben.db")
        mine = anna.create("Merged", {"name": "n", "a": "1"})
        self.sync(anna)
        self.sync(ben)
        theirs = anna.get("Merged", mine).remote_id
        ben.update("Merged", theirs, {"a": "Ben's"})
        self.sync(ben)
        anna.update("Merged", mine, {"a": "Anna's"})
        [failed] = self.sync(anna).failed
        self.assertTrue(failed.is_conflict)
        self.assertEqual((failed.operation.set, failed.current["a"]), ({"a": "Anna's"}, "Ben's"))
        anna.retry(failed.id, {"a": "both"})
        self.sync(anna)
        self.sync(ben)
        self.assertEqual(ben.get("Merged", theirs).attributes["a"], "both")

    def test_a_transaction_is_all_or_nothing(self):
        database = self.open("anna")
        with database.transaction() as both:
            chair = both.create("Product", {"name": "Chair"})
            order = both.create("Merged", {"name": "order", "product": chair})
        self.assertEqual(len(self.sync(database).applied), 2)
        self.assertEqual(database.get("Merged", order).attributes["product"], chair)
        with self.assertRaises(rhosync.UnknownObject), database.transaction() as neither:
            lost = neither.create("Product", {"name": "Table"})
            neither.delete("Product", "nothing")
        self.assertIsNone(database.get("Product", lost))

    def test_watches_hear_of_changes(self):
        database = self.open("anna")
        heard = []
        with database.watch(["Product"], heard.append):
            database.create("Merged", {"name": "n"})
            self.assertEqual(heard, [])
            self.sync(database)
            self.assertIn(["Product"], heard)
        before = len(heard)
        with database.live("SELECT count(*) AS n FROM Product") as counts:
            first = next(counts)[0]["n"]
            threading.Thread(target=database.create, args=("Product", {"name": "n"})).start()
            self.assertEqual(next(counts), [{"n": first + 1}])
        self.assertEqual(list(counts), [])
        self.assertEqual(len(heard), before)

    def test_a_listener_that_raises_spoils_nothing(self):
        database = self.open()

        def fail(_):
            raise ValueError("of the app's own")

        with database.watch(["Product"], fail):
            id = database.create("Product", {"name": "n"})
        self.assertEqual(database.get("Product", id).attributes, {"name": "n"})

    def test_a_sync_is_cancelled(self):
        self.open("anna").close()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            database = self.open(server=f"http://127.0.0.1:{silent.getsockname()[1]}")
            reports = []
            syncing = threading.Thread(target=lambda: reports.append(database.sync()))
            syncing.start()
            with silent.accept()[0]:
                database.cancel()
                syncing.join()
            self.assertTrue(reports[0].ended.is_cancelled(), reports)
            with self.subTest("by a task of asyncio"):
                asyncio.run(self.cancel_task(database, silent))

    async def cancel_task(self, database, silent):
        app = rhosync.AsyncDatabase(database)
        syncing = asyncio.create_task(app.sync())
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            syncing.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await syncing
        # The one that was cancelled holds nothing any more.
        self.assertTrue(database.sync(deadline=0).ended.is_deadline_passed())

    def test_there_is_no_network(self):
        self.open("anna").close()
        database = self.open(server="http://127.0.0.1:1")
        report = database.sync()
        self.assertTrue(report.ended.is_offline(), report)
        self.assertGreater(report.next_in_ms, 0)
        with self.assertRaises(rhosync.Offline) as caught:
            database.sign_in("anna", "anna's secret")
        self.assertIn("does not answer", str(caught.exception))

    def test_an_answer_that_breaks_off_is_none(self):
        self.open("anna").close()
        with socket.create_server(("127.0.0.1", 0)) as broken:
            database = self.open(server=f"http://127.0.0.1:{broken.getsockname()[1]}")

            def answer():
                connection, _ = broken.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")

            threading.Thread(target=answer).start()
            self.assertTrue(database.sync().ended.is_offline())

    def test_errors_have_kinds_and_say_what_is_wrong(self):
        database = self.open()
        with self.assertRaises(rhosync.UnknownSource) as unknown:
            database.create("Nothing", {})
        self.assertEqual(unknown.exception.source_name, "Nothing")
        self.assertEqual(str(unknown.exception), 'the database has no source "Nothing"')
        with self.assertRaises(rhosync.Invalid):
            database.query("DELETE FROM Product")
        with self.assertRaises(rhosync.RhoSyncError):
            rhosync.open(self.folder / "no" / "folder.db", server=SERVER, sources=["Product"])
        self.assertIsNone(database.handle_ping("{}"))

    def test_asyncio_has_the_same(self):
        async def app():
            path = self.folder / "async.db"
            async with await rhosync.open_async(path, server=SERVER, sources=["Product"]) as database:
                await database.sign_in("anna", "anna's secret")
                live = database.live("SELECT count(*) AS n FROM Product")
                self.assertEqual(await anext(live), [{"n": 0}])
                self.assertTrue((await database.sync()).ended.is_complete())
                self.assertGreater((await anext(live))[0]["n"], 0)
                await live.aclose()
                self.assertEqual(await database.user(), "anna")

        asyncio.run(app())

    def test_the_readme_works(self):
        blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        self.assertGreater(len(blocks), 2)
        code = "\n".join(blocks).replace("http://127.0.0.1:9292", SERVER)
        os.chdir(self.folder)
        exec(compile(code, README, "exec"), {"__name__": "app"})


if __name__ == "__main__":
    unittest.main()
