// The library as a page sees it. See index.d.ts for what everything means.

/** Why a call came to nothing. */
export class RhoSyncError extends Error {
  constructor({ code, reason, ...details }) {
    super(reason);
    this.name = "RhoSyncError";
    this.code = code;
    Object.assign(this, details);
  }
}

/** A new UUID of version 7: unique, and in the order of time. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = Date.now();
  for (let at = 0; at < 6; at++) bytes[at] = Math.floor(now / 2 ** (8 * (5 - at))) & 0xff;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export class Database {
  #worker;
  #last = 0;
  #calls = new Map();
  #watchers = new Set();
  #followers = new Set();
  #wakes = () => document.visibilityState !== "hidden" && this.wake().catch(() => {});

  constructor(worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#heard(data);
    worker.onerror = (event) => this.#end({ code: "internal", reason: event.message || "the worker could not be started" });
  }

  /** Opens a database, or makes it. */
  static async open({ name = "default", server, sources, device = {}, fileQuotaBytes = null, worker }) {
    const database = new Database(worker ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));
    const named = sources.map((source) => (typeof source === "string" ? { name: source } : source));
    const options = { server, sources: named, device, fileQuotaBytes };
    database.#worker.postMessage({ open: { name, options } });
    try {
      await database.#call({ call: "user" });
    } catch (error) {
      database.#worker?.terminate();
      throw error;
    }
    return database;
  }

  user() {
    return this.#call({ call: "user" });
  }

  signIn(credentials) {
    return this.#call({ call: "signIn", credentials });
  }

  signOut() {
    return this.#call({ call: "signOut" });
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
    return this.#call({ call: "transaction", operations: named });
  }

  get(source, id) {
    return this.#call({ call: "get", source, id });
  }

  list(source, { limit = 1_000, offset = 0 } = {}) {
    return this.#call({ call: "list", source, limit, offset });
  }

  async query(sql, params = []) {
    const { columns, rows } = await this.#call({ call: "query", sql, params });
    return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
  }

  search(source, words, { limit = 100 } = {}) {
    return this.#call({ call: "search", source, words, limit });
  }

  searchRemote(source, parameters = {}) {
    return this.#call({ call: "searchRemote", source, parameters });
  }

  async forgetFound(source) {
    await this.#call({ call: "forgetFound", source });
  }

  async addFile(name, contentType, content) {
    const bytes = new Uint8Array(await new Blob([content]).arrayBuffer());
    return this.#call({ call: "addFile", name, contentType, content: bytes });
  }

  file(address) {
    return this.#call({ call: "file", address });
  }

  readFile(address) {
    return this.#call({ call: "readFile", address });
  }

  async wantFile(address) {
    await this.#call({ call: "wantFile", address });
  }

  watch(sources, changed) {
    const watcher = { sources: new Set(sources), changed };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  async live(sql, params, told) {
    const sources = await this.#call({ call: "sourcesOf", sql });
    let isAsking = false;
    let isStale = false;
    let isOver = false;
    const ask = async () => {
      if (isAsking) {
        isStale = true;
        return;
      }
      isAsking = true;
      try {
        do {
          isStale = false;
          const rows = await this.query(sql, params);
          if (!isOver) told(rows);
        } while (isStale && !isOver);
      } finally {
        isAsking = false;
      }
    };
    const stop = this.watch(sources, () => ask().catch(reportError));
    await ask();
    return () => {
      isOver = true;
      stop();
    };
  }

  sync({ sources = [], deadlineMs = null, verify = false, progressed } = {}) {
    return this.#call({ call: "sync", options: { sources, deadlineMs, verify } }, progressed);
  }

  cancel() {
    return this.#call({ call: "cancel" });
  }

  follow({ synced = () => {}, ended = () => {} } = {}) {
    const follower = { synced, ended };
    this.#followers.add(follower);
    if (this.#followers.size === 1) {
      this.#worker?.postMessage({ follow: true });
      addEventListener("online", this.#wakes);
      document.addEventListener("visibilitychange", this.#wakes);
    }
    return () => {
      if (this.#followers.delete(follower) && this.#followers.size === 0) this.#unfollow();
    };
  }

  wake() {
    return this.#call({ call: "wake" });
  }

  #unfollow() {
    removeEventListener("online", this.#wakes);
    document.removeEventListener("visibilitychange", this.#wakes);
    this.#worker?.postMessage({ follow: false });
  }

  #followed({ report, end }) {
    const followers = [...this.#followers];
    if (end && followers.length > 0) {
      this.#followers.clear();
      this.#unfollow();
    }
    for (const { synced, ended } of followers) {
      if (report) synced(report);
      else ended(end);
    }
  }

  pending() {
    return this.#call({ call: "pending" });
  }

  failed() {
    return this.#call({ call: "failed" });
  }

  async retry(change, values = null) {
    await this.#call({ call: "retry", change, values });
  }

  async discard(change) {
    await this.#call({ call: "discard", change });
  }

  async setParameters(source, parameters) {
    await this.#call({ call: "setParameters", source, parameters });
  }

  sources() {
    return this.#call({ call: "sources" });
  }

  diagnostics() {
    return this.#call({ call: "diagnostics" });
  }

  async handlePing(payload, options = {}) {
    const sources = await this.#call({ call: "pingedSources", payload: typeof payload === "string" ? payload : JSON.stringify(payload) });
    return sources && this.sync({ ...options, sources });
  }

  /** Closes the database. Another tab's goes on. */
  close() {
    return new Promise((resolve) => {
      this.#calls.set("close", { resolve });
      this.#worker.postMessage({ close: true });
    });
  }

  #call(call, progressed) {
    if (!this.#worker) return Promise.reject(new RhoSyncError({ code: "closed", reason: "the database is closed" }));
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#calls.set(id, { resolve, reject, progressed });
      this.#worker.postMessage({ id, call });
    });
  }

  #heard(message) {
    if (message.changed) {
      for (const { sources, changed } of [...this.#watchers]) {
        const concerned = message.changed.filter((source) => sources.size === 0 || sources.has(source));
        if (concerned.length > 0) changed(concerned);
      }
      return;
    }
    if (message.followed) {
      this.#followed(message.followed);
      return;
    }
    if (message.closed) {
      const closing = this.#calls.get("close");
      this.#calls.delete("close");
      this.#end({ code: "closed", reason: "the database is closed" });
      closing?.resolve();
      return;
    }
    const waiting = this.#calls.get(message.id);
    if (message.progress) {
      waiting?.progressed?.(message.progress);
      return;
    }
    this.#calls.delete(message.id);
    const { value, error } = message.answer;
    if (error) waiting?.reject(new RhoSyncError(error));
    else waiting?.resolve(value);
  }

  #end(error) {
    this.#worker?.terminate();
    this.#worker = null;
    this.#watchers.clear();
    if (this.#followers.size > 0) this.#unfollow();
    this.#followers.clear();
    for (const { reject } of this.#calls.values()) reject?.(new RhoSyncError(error));
    this.#calls.clear();
  }
}

/** Opens a database, or makes it. */
export function open(options) {
  return Database.open(options);
}
