// The worker behind every tab. One of them owns the database, since a browser lets only one open its file: whoever has the lock. The
// others send it their pages' calls. When the owner goes, the next gets the lock, and everybody sends it what has no answer yet.

import init, { Core } from "./sync_client_web.js";

const tab = crypto.randomUUID();

/** How long another worker's file handles may be in the way after its end, in milliseconds. */
const PATIENCE = 10_000;

/** Answers that the owner remembers, for calls that come twice. */
const REMEMBERED = 1_000;

/** The database, where this worker owns it. */
let core = null;
let channel = null;
let release = null;
let failure = null;

/** Calls of this worker's page that have no answer yet: what was asked, by number. */
const asked = new Map();

/** What became of calls, by tab and number: one that comes twice is made once. */
const made = new Map();

/** What ends the request that is under way. */
let request = null;
let isSyncing = false;

self.onmessage = ({ data }) => {
  if (data.open) {
    open(data.open);
  } else if (data.close) {
    close();
  } else {
    asked.set(data.id, data.call);
    send(data.id, data.call, false);
  }
};

function open({ name, options }) {
  channel = new BroadcastChannel(`rhosync/${name}`);
  channel.onmessage = ({ data }) => heard(data);
  navigator.locks
    .request(`rhosync/${name}`, () => own(name, options))
    .catch((error) => fail({ code: "storage", reason: String(error?.message ?? error) }));
}

/** Owns the database until this worker ends. */
async function own(name, options) {
  try {
    await init({ module_or_path: new URL("./sync_client_web_bg.wasm", import.meta.url) });
    core = await openFile(`/rhosync/${name}`, JSON.stringify(options));
  } catch (error) {
    // Somebody else may have more luck: the lock is given back.
    fail(told(error));
    return;
  }
  failure = null;
  channel.postMessage({ owner: tab });
  for (const [id, call] of asked) send(id, call, true);
  await new Promise((resolve) => {
    release = resolve;
  });
}

async function openFile(folder, options) {
  const until = Date.now() + PATIENCE;
  for (let wait = 20; ; wait = Math.min(wait * 2, 500)) {
    try {
      return await Core.open(folder, options, (sources) => changed(JSON.parse(sources)));
    } catch (error) {
      // The browser gives the files of a worker that was killed back a moment after its lock.
      if (told(error).code !== "storage" || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

function fail(error) {
  failure = error;
  for (const id of asked.keys()) answered(id, { error });
}

function changed(sources) {
  self.postMessage({ changed: sources });
  channel.postMessage({ changed: sources });
}

/** What other workers say. */
function heard(message) {
  if (message.changed) {
    self.postMessage({ changed: message.changed });
  } else if (message.owner) {
    failure = null;
    for (const [id, call] of asked) send(id, call, true);
  } else if (message.to === tab) {
    if (message.progress) self.postMessage({ id: message.id, progress: message.progress });
    else answered(message.id, message.answer);
  } else if (message.call && core) {
    const { from, id, call, again } = message;
    makeOnce(`${from}/${id}`, call, again, (progress) => channel.postMessage({ to: from, id, progress })).then((answer) =>
      channel.postMessage({ to: from, id, answer }),
    );
  }
}

/** Sends a call of this worker's page to the owner, `again` if an earlier owner may have made it. */
function send(id, call, again) {
  if (core) {
    makeOnce(`${tab}/${id}`, call, again, (progress) => self.postMessage({ id, progress })).then((answer) => answered(id, answer));
  } else if (failure) {
    answered(id, { error: failure });
  } else {
    channel.postMessage({ from: tab, id, call, again });
  }
}

function answered(id, answer) {
  if (asked.delete(id)) self.postMessage({ id, answer });
}

function makeOnce(key, call, again, progressed) {
  let answer = made.get(key);
  if (!answer) {
    answer = make(call, again, progressed).then(
      (value) => ({ value }),
      (error) => ({ error: told(error) }),
    );
    made.set(key, answer);
    if (made.size > REMEMBERED) made.delete(made.keys().next().value);
  }
  return answer;
}

async function make(call, again, progressed) {
  switch (call.call) {
    case "signIn":
      return exchange(
        () => core.beginSignIn(JSON.stringify(call.credentials)),
        (it) => JSON.parse(core.endSignIn(it)),
      );
    case "signOut":
      return exchange(
        () => core.beginSignOut(),
        () => null,
      );
    case "sync":
      return sync(call.options, progressed);
    case "cancel":
      core.cancel();
      request?.abort(new Error("it was cancelled"));
      return null;
    case "transaction":
      return transaction(call, again);
    default:
      return ask(call);
  }
}

function ask({ call, ...values }) {
  return JSON.parse(core.call(JSON.stringify({ [call]: values })));
}

/** The page has named what it makes, so that one can tell whether an owner that is gone has made it. */
function transaction(call, again) {
  const ids = call.operations.map((operation) => operation.id);
  if (again) {
    const create = call.operations.find((operation) => operation.op === "create");
    if (create && ask({ call: "get", source: create.source, id: create.id })) return ids;
  }
  try {
    return ask(call);
  } catch (error) {
    if (again && told(error).code === "unknownObject") return ids;
    throw error;
  }
}

async function sync(options, progressed) {
  if (isSyncing) throw JSON.stringify({ code: "syncRunning", reason: "a sync of this database is under way" });
  isSyncing = true;
  try {
    return await exchange(
      () => core.beginSync(JSON.stringify(options), (progress) => progressed(JSON.parse(progress))),
      (it) => JSON.parse(core.endSync(it)),
    );
  } finally {
    isSyncing = false;
  }
}

async function exchange(begin, end) {
  const it = begin();
  try {
    await carry(it);
    return end(it);
  } finally {
    it.free();
  }
}

/** Carries requests until everything is said. */
async function carry(it) {
  for (let next = it.nextRequest(); next !== undefined; next = it.nextRequest()) {
    const { method, url, headers, body, timeoutMs } = JSON.parse(next);
    request = new AbortController();
    const { signal } = request;
    const timer = setTimeout(() => request?.abort(new Error("the server takes too long")), timeoutMs);
    let broken;
    try {
      const answer = await fetch(url, {
        method,
        headers,
        body: body || undefined,
        signal,
        redirect: "error",
        credentials: "omit",
        cache: "no-store",
      });
      let isWanted = it.answerHead(answer.status, answer.headers.get("retry-after") ?? undefined);
      const reader = answer.body?.getReader();
      while (reader && isWanted) {
        const { done, value } = await reader.read();
        if (done) break;
        isWanted = it.answerChunk(value);
      }
      if (!isWanted) await reader?.cancel();
    } catch (error) {
      broken = String(error?.message ?? error);
    } finally {
      clearTimeout(timer);
      request = null;
    }
    it.answerEnd(broken);
  }
}

/** What the core throws is a text of JSON. */
function told(error) {
  if (typeof error === "string") return JSON.parse(error);
  return { code: "internal", reason: String(error?.message ?? error) };
}

function close() {
  channel?.close();
  core?.free();
  core = null;
  release?.();
  self.postMessage({ closed: true });
}
