// The library as a program sees it. See library.d.ts for what everything means.

import { createRequire } from "node:module";

const { openCore, newId } = createRequire(import.meta.url)("./rhosync.node");

export { newId };

/** Why a call came to nothing. */
export class RhoSyncError extends Error {
  constructor({ code, reason, ...details }) {
    super(reason);
    this.name = "RhoSyncError";
    this.code = code;
    Object.assign(this, details);
  }
}

/** What the core throws has a text of JSON for a message. */
function told(error) {
  try {
    return new RhoSyncError(JSON.parse(error.message));
  } catch {
    return error;
  }
}

export class Database {
  #core;
  #fetch;
  #watchers = new Set();
  /** What ends the requests that are under way. */
  #requests = new Set();

  /** Opens a database, or makes it. */
  static async open({ path, server, sources, device = {}, fileQuotaBytes = null, key = null, fetch = globalThis.fetch }) {
    const database = new Database();
    const named = sources.map((source) => (typeof source === "string" ? { name: source } : source));
    const options = { server, sources: named, device, fileQuotaBytes, key };
    database.#fetch = fetch;
    try {
      database.#core = await openCore(path, JSON.stringify(options), (changed) => database.#changed(JSON.parse(changed)));
    } catch (error) {
      throw told(error);
    }
    return database;
  }

  async changeKey(key) {
    await this.#kept(() => this.#core.changeKey(key));
  }

  user() {
    return this.#call("user", {});
  }

  signIn(credentials) {
    return this.#exchange(
      () => this.#core.beginSignIn(JSON.stringify(credentials)),
      async (it) => JSON.parse(await this.#core.endSignIn(it)),
    );
  }

  signOut() {
    return this.#exchange(
      () => this.#core.beginSignOut(),
      () => undefined,
    );
  }

  async create(source, attributes) {
    const [id] = await this.transaction([{ op: "create", source, attributes }]);
    return id;
  }

  async update(source, id, set, unset = []) {
    await this.transaction([{ op: "update", source, id, set, unset }]);
  }

  async delete(source, id) {
    await this.transaction([{ op: "delete", source, id }]);
  }

  transaction(operations) {
    const named = operations.map((operation) => (operation.op === "create" && !operation.id ? { ...operation, id: newId() } : operation));
    return this.#call("transaction", { operations: named });
  }

  get(source, id) {
    return this.#call("get", { source, id });
  }

  list(source, { limit = 1_000, offset = 0 } = {}) {
    return this.#call("list", { source, limit, offset });
  }

  async query(sql, params = []) {
    const { columns, rows } = await this.#call("query", { sql, params });
    return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  }

  search(source, words, { limit = 100 } = {}) {
    return this.#call("search", { source, words, limit });
  }

  searchRemote(source, parameters = {}) {
    return this.#exchange(
      () => this.#core.beginSearchRemote(JSON.stringify({ source, parameters })),
      async (it) => JSON.parse(await this.#core.endSearchRemote(it)),
    );
  }

  async forgetFound(source) {
    await this.#call("forgetFound", { source });
  }

  async addFile(name, contentType, content) {
    const bytes = await bytesOf(content);
    return this.#kept(() => this.#core.addFile(name, contentType, bytes));
  }

  file(address) {
    return this.#call("file", { address });
  }

  readFile(address) {
    return this.#kept(() => this.#core.readFile(address));
  }

  async wantFile(address) {
    await this.#call("wantFile", { address });
  }

  watch(sources, changed) {
    const watcher = { sources: new Set(sources), changed };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  async live(sql, params, told) {
    const sources = await this.#call("sourcesOf", { sql });
    let last = Promise.resolve();
    let isOver = false;
    let isWaiting = false;
    const ask = () => {
      if (isWaiting) return last;
      isWaiting = true;
      last = last.catch(() => {}).then(async () => {
        isWaiting = false;
        if (isOver) return;
        const rows = await this.query(sql, params);
        if (!isOver) told(rows);
      });
      return last;
    };
    const stop = this.watch(sources, () =>
      ask().catch((error) => {
        if (error.code !== "closed") process.emitWarning(error);
      }),
    );
    await ask();
    return () => {
      isOver = true;
      stop();
    };
  }

  sync({ sources = [], deadlineMs = null, verify = false, progressed = () => {} } = {}) {
    const options = JSON.stringify({ sources, deadlineMs, verify });
    return this.#exchange(
      () => this.#core.beginSync(options, (progress) => progressed(JSON.parse(progress))),
      async (it) => JSON.parse(await this.#core.endSync(it)),
    );
  }

  async cancel() {
    this.#core.cancel();
    for (const request of this.#requests) request.abort(new Error("it was cancelled"));
  }

  async handlePing(payload, options = {}) {
    const sources = await this.#call("pingedSources", { payload: typeof payload === "string" ? payload : JSON.stringify(payload) });
    return sources && this.sync({ ...options, sources });
  }

  pending() {
    return this.#call("pending", {});
  }

  failed() {
    return this.#call("failed", {});
  }

  async retry(change, values = null) {
    await this.#call("retry", { change, values });
  }

  async discard(change) {
    await this.#call("discard", { change });
  }

  async setParameters(source, parameters) {
    await this.#call("setParameters", { source, parameters });
  }

  sources() {
    return this.#call("sources", {});
  }

  diagnostics() {
    return this.#call("diagnostics", {});
  }

  async close() {
    await this.cancel();
    this.#watchers.clear();
    this.#core.close();
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }

  async #call(name, values) {
    return JSON.parse(await this.#kept(() => this.#core.call(JSON.stringify({ [name]: values }))));
  }

  /** Makes a call of the core's, whose errors become those of programs. */
  async #kept(call) {
    try {
      return await call();
    } catch (error) {
      throw told(error);
    }
  }

  #changed(names) {
    for (const { sources, changed } of [...this.#watchers]) {
      const concerned = names.filter((source) => sources.size === 0 || sources.has(source));
      if (concerned.length > 0) changed(concerned);
    }
  }

  async #exchange(begin, end) {
    try {
      const it = await begin();
      let failure;
      try {
        await this.#carry(it);
      } catch (error) {
        failure = error;
      }
      // Whatever became of it, it ends, and the next can begin.
      const done = await end(it);
      if (failure) throw failure;
      return done;
    } catch (error) {
      throw told(error);
    }
  }

  /** Carries requests until everything is said. */
  async #carry(it) {
    for (let next = await it.nextRequest(); next !== null; next = await it.nextRequest()) {
      const { method, url, headers, timeoutMs } = JSON.parse(next.head);
      const body = next.body.length > 0 ? next.body : undefined;
      const request = new AbortController();
      this.#requests.add(request);
      const timer = setTimeout(() => request.abort(new Error("the server takes too long")), timeoutMs);
      let broken = null;
      try {
        const answer = await this.#fetch(url, { method, headers, body, signal: request.signal, redirect: "error" });
        const header = (name) => answer.headers.get(name);
        let isWanted = it.answerHead(answer.status, header("retry-after"), header("etag"), header("content-range"));
        const reader = answer.body?.getReader();
        while (reader && isWanted) {
          const { done, value } = await reader.read();
          if (done) break;
          isWanted = await it.answerChunk(value);
        }
        if (!isWanted) await reader?.cancel();
      } catch (error) {
        broken = String(error?.cause?.message ?? error?.message ?? error);
      } finally {
        clearTimeout(timer);
        this.#requests.delete(request);
      }
      await it.answerEnd(broken);
    }
  }
}

/** The bytes of a `Blob`, a buffer, or a view of one. */
async function bytesOf(content) {
  if (content instanceof Blob) return new Uint8Array(await content.arrayBuffer());
  return ArrayBuffer.isView(content) ? new Uint8Array(content.buffer, content.byteOffset, content.byteLength) : new Uint8Array(content);
}

/** Opens a database, or makes it. */
export function open(options) {
  return Database.open(options);
}
