// The library against a server: RHOSYNC_TEST_SERVER says where it is. It has the users anna and ben, and the sources of the shop.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";

import { RhoSyncError, newId, open } from "rhosync-node";

const SERVER = process.env.RHOSYNC_TEST_SERVER;

/** An app with its file, which goes with the test. */
async function app(t, user, { server = SERVER, ...options } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "rhosync-"));
  const path = join(folder, "app.db");
  const database = await open({ path, server, sources: [{ name: "Product", search: ["name"] }, "Merged"], ...options });
  t.after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  if (user) assert.equal((await database.signIn({ login: user, password: `${user}'s secret` })).user, user);
  return { database, path };
}

async function sync(database, options) {
  const report = await database.sync(options);
  assert.equal(report.ended.how, "complete", JSON.stringify(report));
  return report;
}

/** A server that never answers, and says when it was asked. */
async function silent(t) {
  let asked;
  const wasAsked = new Promise((resolve) => (asked = resolve));
  const server = createServer(() => asked());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, wasAsked };
}

test("an app works offline and syncs", async (t) => {
  const { database, path } = await app(t);
  assert.equal(await database.user(), null);
  const lamp = await database.create("Product", { name: "made offline", price: 2.5 });
  assert.equal((await database.sync()).ended.how, "signedOut");
  await assert.rejects(database.signIn({ login: "anna", password: "wrong" }), { name: "RhoSyncError", code: "loginRefused" });
  await database.signIn({ login: "anna", password: "anna's secret" });
  const steps = [];
  const report = await sync(database, { progressed: (step) => steps.push(step) });
  assert.deepEqual(report.applied.map((change) => change.object), [lamp]);
  assert.equal(steps.at(-1).objects, report.received);
  const made = await database.get("Product", lamp);
  assert.notEqual(made.remoteId, lamp);
  assert.equal(made.isPending, false);
  await database.close();
  await assert.rejects(database.user(), { code: "closed" });

  const again = await open({ path, server: SERVER, sources: [{ name: "Product", search: ["name"] }] });
  assert.equal(await again.user(), "anna");
  await again.update("Product", lamp, { price: "3" });
  assert.deepEqual((await again.pending())[0].operation.set, { price: "3" });
  const rows = await again.query("SELECT name, price, pending FROM Product WHERE id = ?", [lamp]);
  assert.deepEqual(rows, [{ name: "made offline", price: "3", pending: 1 }]);
  await sync(again);
  assert.equal((await again.search("Product", "offl"))[0].attributes.price, "3");
  assert.ok((await again.list("Product")).length > 1);
  assert.ok((await again.sources()).find((source) => source.name === "Product").isBegun);
  assert.equal(JSON.parse(await again.diagnostics()).signed_in, true);
  await again.close();
});

test("values come back as they were", async (t) => {
  const { database } = await app(t);
  const values = { text: "aä😀", yes: true, whole: -7, part: 0.5, none: null };
  const id = newId();
  assert.deepEqual(await database.transaction([{ op: "create", source: "Product", id, attributes: values }]), [id]);
  assert.deepEqual((await database.get("Product", id)).attributes, values);
});

test("a refused change waits with its reason", async (t) => {
  const { database } = await app(t, "anna");
  await sync(database);
  const cheap = await database.create("Product", { name: "x", price: "-1" });
  const report = await sync(database);
  assert.deepEqual([report.applied.length, report.failed.length], [0, 1]);
  assert.equal(await database.get("Product", cheap), null);
  const [failed] = await database.failed();
  assert.match(failed.reason, /negative/);
  await database.retry(failed.id, { name: "x", price: "1" });
  assert.equal((await sync(database)).applied.length, 1);
  assert.deepEqual(await database.failed(), []);
});

test("a conflict has both values", async (t) => {
  const [{ database: anna }, { database: ben }] = [await app(t, "anna"), await app(t, "ben")];
  const mine = await anna.create("Merged", { name: "n", a: "1" });
  await sync(anna);
  await sync(ben);
  const theirs = (await anna.get("Merged", mine)).remoteId;
  await ben.update("Merged", theirs, { a: "Ben's" });
  await sync(ben);
  await anna.update("Merged", mine, { a: "Anna's" });
  const [failed] = (await sync(anna)).failed;
  assert.equal(failed.isConflict, true);
  assert.deepEqual([failed.operation.set, failed.current.a], [{ a: "Anna's" }, "Ben's"]);
  await anna.retry(failed.id, { a: "both" });
  await sync(anna);
  await sync(ben);
  assert.equal((await ben.get("Merged", theirs)).attributes.a, "both");
});

test("the back end is searched", async (t) => {
  const { database } = await app(t, "anna");
  const found = await database.searchRemote("Product", { name: "lamp", since: 2024 });
  assert.ok(found.length > 0 && found.every((it) => it.isFound));
  assert.equal((await database.list("Product")).length, found.length);
  await database.forgetFound("Product");
  assert.deepEqual(await database.list("Product"), []);
  await assert.rejects(database.searchRemote("Nothing"), { code: "unknownSource" });
});

test("a source is narrowed down to a part", async (t) => {
  const { database } = await app(t, "anna");
  await sync(database);
  await assert.rejects(database.setParameters("Nothing", {}), { code: "unknownSource" });
  await database.setParameters("Product", { since: 2024 });
  assert.deepEqual((await sync(database)).removed, [{ source: "Product", reason: "moved" }]);
  assert.deepEqual((await sync(database)).removed, []);
});

test("files go with their objects", async (t) => {
  const [{ database: anna }, { database: ben }] = [await app(t, "anna"), await app(t, "ben")];
  const photo = new Uint8Array(1_300_001).map((_, at) => (at * at) % 251);
  const address = await anna.addFile("my photo.png", "image/png", photo);
  assert.equal((await anna.file(address)).state, "queued");
  assert.equal(await anna.addFile("other.png", "image/png", new Blob([photo])), address.replace("my%20photo", "other"));
  const part = await anna.addFile("part", "text/plain", Buffer.from("a part").subarray(2));
  const empty = await anna.addFile("nothing", "text/plain", new ArrayBuffer(0));
  const visit = await anna.create("Merged", { "photo-rhoblob": address });
  for (const other of [part, empty]) await anna.create("Merged", { "photo-rhoblob": other });
  assert.equal((await sync(anna)).applied.length, 3);
  const status = { state: "here", contentType: "image/png", bytes: photo.length, sent: photo.length };
  assert.deepEqual(await anna.file(address), status);
  await sync(ben);
  const theirs = (await ben.get("Merged", (await anna.get("Merged", visit)).remoteId)).attributes["photo-rhoblob"];
  assert.equal(await ben.readFile(theirs), null);
  for (const wanted of [theirs, part, empty]) await ben.wantFile(wanted);
  await sync(ben);
  assert.deepEqual(await ben.readFile(theirs), photo);
  assert.equal(Buffer.from(await ben.readFile(part)).toString(), "part");
  assert.equal((await ben.readFile(empty)).length, 0);
  await assert.rejects(ben.file("https://pictures.example/1.png"), { code: "invalid" });
  await assert.rejects(ben.readFile("x"), { name: "RhoSyncError", code: "invalid" });
});

test("files go on where they broke off", async (t) => {
  const photo = new Uint8Array(randomBytes(60_000));
  const whole = new Uint8Array(1_500_000).map((_, at) => photo[at % 60_000] ^ (at / 60_000));
  const sent = [];
  const up = async (url, options) => {
    if (options.method !== "PUT") return fetch(url, options);
    sent.push(new Headers(options.headers).get("content-range"));
    if (sent.length === 2) throw new Error("it broke off");
    return fetch(url, options);
  };
  const { database: anna } = await app(t, "anna", { fetch: up });
  const address = await anna.addFile("photo.png", "image/png", whole);
  await anna.create("Merged", { "photo-rhoblob": address });
  assert.equal((await anna.sync()).ended.how, "offline");
  await sync(anna);
  const parts = ["0-524287", "524288-1048575", "524288-1048575", "1048576-1499999"];
  assert.deepEqual(sent, parts.map((part) => `bytes ${part}/1500000`));

  const answers = [];
  const down = async (url, options) => {
    const answer = await fetch(url, options);
    // Images of sources are downloads too.
    if (options.method !== "GET" || !url.includes("/blobs/")) return answer;
    answers.push([answer.status, answer.headers.get("content-range")]);
    if (answers.length > 1) return answer;
    let left = 600_000;
    const cut = new TransformStream({
      transform(piece, to) {
        left -= piece.length;
        if (left < 0) to.error(new Error("it broke off"));
        else to.enqueue(piece);
      },
    });
    return new Response(answer.body.pipeThrough(cut), answer);
  };
  const { database: ben } = await app(t, "ben", { fetch: down });
  await ben.wantFile(address);
  await sync(ben);
  assert.deepEqual(await ben.readFile(address), whole);
  const [first, second, ...more] = answers;
  assert.deepEqual([first, more], [[200, null], []]);
  assert.match(second.join(" "), /^206 bytes [1-9][0-9]*-1499999\/1500000$/);
});

test("files have a quota, and a file without a key gets none", async (t) => {
  const { database } = await app(t, undefined, { fileQuotaBytes: 100 });
  const address = await database.addFile("a", "text/plain", new Uint8Array(100));
  await assert.rejects(database.addFile("b", "text/plain", new Uint8Array(1)), { code: "invalid" });
  assert.equal((await database.readFile(address)).length, 100);
  await assert.rejects(database.changeKey("correct horse"), (error) => error.code === "invalid" && !/horse/.test(error.message));
});

test("watches and live queries hear of changes", async (t) => {
  const { database } = await app(t, "anna");
  let hear;
  const next = () => new Promise((resolve) => (hear = resolve));
  let heard = next();
  const stop = database.watch(["Product"], (sources) => hear(sources));
  await database.create("Merged", { name: "n" });
  await database.create("Product", { name: "n" });
  assert.deepEqual(await heard, ["Product"]);
  stop();
  heard = next();
  const end = await database.live("SELECT count(*) AS n FROM Product", [], (rows) => hear(rows[0].n));
  assert.equal(await heard, 1);
  heard = next();
  await database.create("Product", { name: "n" });
  assert.equal(await heard, 2);
  end();
});

test("a sync is cancelled", async (t) => {
  const server = await silent(t);
  const { database, path } = await app(t, "anna");
  await database.close();
  const again = await open({ path, server: server.url, sources: ["Product"] });
  const syncing = again.sync();
  await server.wasAsked;
  await assert.rejects(again.sync(), { code: "syncRunning" });
  await again.cancel();
  assert.equal((await syncing).ended.how, "cancelled");
  assert.equal((await again.sync({ deadlineMs: 0 })).ended.how, "deadlinePassed");
  await again.close();
});

test("there is no network", async (t) => {
  const { database } = await app(t, undefined, { server: "http://127.0.0.1:1" });
  await assert.rejects(database.signIn({ login: "anna", password: "x" }), { code: "offline" });
});

test("errors have kinds and say what is wrong", async (t) => {
  const { database } = await app(t);
  const unknown = await database.create("Nothing", {}).catch((error) => error);
  assert.ok(unknown instanceof RhoSyncError);
  assert.deepEqual([unknown.code, unknown.source], ["unknownSource", "Nothing"]);
  assert.equal(unknown.message, 'the database has no source "Nothing"');
  await assert.rejects(database.query("DELETE FROM Product"), { code: "invalid" });
  assert.equal(await database.handlePing("{}"), null);
  await assert.rejects(open({ path: "/no/folder/app.db", server: SERVER, sources: [] }), { code: "storage" });
});

test("the README works", async (t) => {
  const text = await readFile(process.env.RHOSYNC_TEST_README, "utf8");
  const blocks = [...text.matchAll(/```js\n(.*?)```/gs)].map((block) => block[1]);
  assert.ok(blocks.length > 2);
  const folder = await mkdtemp(join(process.cwd(), "readme-"));
  t.after(() => rm(folder, { recursive: true }));
  const code = blocks.join("\n").replaceAll("http://127.0.0.1:9292", SERVER).replaceAll("app.db", join(folder, "app.db"));
  const file = join(folder, "app.mjs");
  await writeFile(file, code);
  await import(pathToFileURL(file));
});
