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

/** What ends the requests that are under way, and the event stream. */
const requests = new Set();
let stream = null;
let isSyncing = false;

/** What the database is called in the browser. */
let database = null;

/** Gives back this worker's wish to follow. Its lock says that there is one: the browser takes it from workers that are gone. */
let endWish = null;

/** Whether this worker, which owns the database, follows; and what ends its wait. */
let isFollowing = false;
let wake = null;

self.onmessage = ({ data }) => {
  if (data.open) {
    open(data.open);
  } else if (data.close) {
    close();
  } else if (data.follow !== undefined) {
    wish(data.follow);
  } else {
    asked.set(data.id, data.call);
    send(data.id, data.call, false);
  }
};

function open({ name, options }) {
  database = `rhosync/${name}`;
  channel = new BroadcastChannel(database);
  channel.onmessage = ({ data }) => heard(data);
  navigator.locks
    .request(database, () => own(name, options))
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
  follow();
  await new Promise((resolve) => {
    release = resolve;
  });
}

/** This worker's page follows, or does not any more. */
function wish(isWished) {
  endWish?.();
  endWish = null;
  if (!isWished) {
    wishesChanged("ended");
    return;
  }
  navigator.locks.request(`${database}/follow`, { mode: "shared" }, () => {
    wishesChanged("begun");
    return new Promise((resolve) => {
      endWish = resolve;
    });
  });
}

/** Tells the owner that a page's wish to follow has `begun` or `ended`. */
function wishesChanged(what) {
  if (core) follow(what);
  else channel.postMessage({ follow: what });
}

async function isFollowed() {
  const { held } = await navigator.locks.query();
  return held.some((lock) => lock.name === `${database}/follow`);
}

/** Follows as long as a page of any tab wants it: one event stream for all. A page that begins is to hear how things are: by a sync. */
async function follow(wish = "begun") {
  if (isFollowing && wish === "begun") core?.wake();
  wake?.();
  if (isFollowing || !core) return;
  isFollowing = true;
  let end;
  try {
    core.beginFollow();
    while (core && !end && (await isFollowed())) end = await followOn();
  } catch (error) {
    end = { error: told(error) };
  } finally {
    core?.endFollow();
    stream?.abort(new Error("nobody follows any more"));
    isFollowing = false;
  }
  if (end) tellAll({ followed: { end } });
}

/** Does what is to be done next. Says how it ended, if it has. */
async function followOn() {
  // A page's own sync comes first.
  const step = isSyncing ? { what: "wait", ms: 1_000 } : core.followStep();
  switch (step.what) {
    case "sync": {
      isSyncing = true;
      try {
        const report = await exchange(
          () => step.takeExchange(),
          (it) => JSON.parse(core.endSync(it)),
        );
        tellAll({ followed: { report } });
      } finally {
        isSyncing = false;
      }
      return null;
    }
    case "listen":
      listen(step.takeExchange());
      return null;
    case "wait":
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, step.ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = null;
      return null;
    default:
      return { how: step.what };
  }
}

/** Carries an event stream until it ends. There is one at a time. */
async function listen(it) {
  stream?.abort(new Error("another one is read"));
  try {
    await carry(
      it,
      (began) => (stream = began),
      () => wake?.(),
    );
  } catch {
    // What is wrong with the file, syncs say too.
  } finally {
    it.free();
    wake?.();
  }
}

function tellAll(message) {
  self.postMessage(message);
  channel?.postMessage(message);
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
  tellAll({ changed: sources });
}

/** What other workers say. */
function heard(message) {
  if (message.changed || message.followed) {
    self.postMessage(message);
  } else if (message.follow) {
    if (core) follow(message.follow);
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
    // The content of a file is not remembered: it may be large, and can be read twice.
    if (call.call === "readFile") return answer;
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
    case "searchRemote":
      return exchange(
        () => core.beginSearchRemote(JSON.stringify({ source: call.source, parameters: call.parameters })),
        (it) => JSON.parse(core.endSearchRemote(it)),
      );
    case "sync":
      return sync(call.options, progressed);
    case "cancel":
      core.cancel();
      for (const request of requests) request.abort(new Error("it was cancelled"));
      return null;
    case "wake":
      core.wake();
      wake?.();
      return null;
    case "transaction":
      return transaction(call, again);
    case "addFile":
      return core.addFile(call.name, call.contentType, call.content);
    case "readFile":
      return core.readFile(call.address) ?? null;
    default:
      return ask(call);
  }
}

function ask({ call, ...values }) {
  const answer = JSON.parse(core.call(JSON.stringify({ [call]: values })));
  // There may be something to send.
  if (["transaction", "retry", "wantFile", "setParameters"].includes(call)) wake?.();
  return answer;
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
    wake?.();
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

/** Carries requests until everything is said. `begins` gets what ends each of them; `came` hears of each piece of an answer. */
async function carry(it, begins = (began) => requests.add(began), came = () => {}) {
  for (let next = it.nextRequest(); next !== undefined; next = it.nextRequest()) {
    const { method, url, headers, timeoutMs } = JSON.parse(next.head);
    const body = next.body;
    next.free();
    const abort = new AbortController();
    const { signal } = abort;
    begins(abort);
    const timer = setTimeout(() => abort.abort(new Error("the server takes too long")), timeoutMs);
    let broken;
    try {
      const answer = await fetch(url, {
        method,
        headers,
        body: body.length > 0 ? body : undefined,
        signal,
        redirect: "error",
        credentials: "omit",
        cache: "no-store",
      });
      const told = (name) => answer.headers.get(name) ?? undefined;
      let isWanted = it.answerHead(answer.status, told("retry-after"), told("etag"), told("content-range"));
      const reader = answer.body?.getReader();
      while (reader && isWanted) {
        const { done, value } = await reader.read();
        if (done) break;
        isWanted = it.answerChunk(value);
        came();
      }
      if (!isWanted) await reader?.cancel();
    } catch (error) {
      broken = String(error?.message ?? error);
    } finally {
      clearTimeout(timer);
      requests.delete(abort);
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
  endWish?.();
  stream?.abort(new Error("the database is closed"));
  core?.endFollow();
  channel?.close();
  core?.free();
  core = null;
  release?.();
  self.postMessage({ closed: true });
}
