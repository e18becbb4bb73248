// The office: the program that the company has had for years. It keeps visits, customers and parts, and knows nothing of phones.
// What it has for RhoSync is one call that tells of changes.

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { customers, parts, saveVisits, visits } from "./data.mjs";

const PORT = 9293;
const HOOK = "http://127.0.0.1:9292/hooks/Visit";
const SECRET = "only-for-trying-out";

const MOST_HOURS = 12;
const STATUSES = ["planned", "under way", "done"];

/** Answers to changes, by their keys: one that comes again is not made again. */
const answers = new Map();

/** Why a visit cannot be like this, or nothing. */
function refusal(visit) {
  if (!customers.some((customer) => customer.id === visit.customer)) return "There is no such customer.";
  if (!visit.task) return "A visit needs a task.";
  if (!STATUSES.includes(visit.status)) return `A visit is ${STATUSES.join(", ")}.`;
  if (!(visit.hours >= 0 && visit.hours <= MOST_HOURS)) return `A visit takes ${MOST_HOURS} hours at most.`;
  return null;
}

function put(id, visit) {
  const message = refusal(visit);
  if (message) return [422, { message }];
  visits.set(id, visit);
  saveVisits();
  return [200, { id, ...visit }];
}

/** Makes a change, and says the status and the body of the answer. */
function change(method, id, sent) {
  if (method === "POST" && !id) {
    const next = String(Math.max(...[...visits.keys()].map(Number)) + 1);
    const [status, body] = put(next, { status: "planned", hours: 0, note: "", ...sent });
    return [status === 200 ? 201 : status, body];
  }
  if (!visits.has(id)) return [404, { message: "There is no such visit." }];
  if (method === "PATCH") return put(id, { ...visits.get(id), ...sent });
  if (method === "DELETE") {
    visits.delete(id);
    saveVisits();
    return [204, null];
  }
  return [405, { message: "Visits can be made, patched and deleted." }];
}

/** Tells RhoSync what a visit is like now, until it has heard. */
async function tell(id) {
  for (;;) {
    const body = JSON.stringify(visits.has(id) ? { items: [{ id, ...visits.get(id) }] } : { items: [], deleted: [id] });
    const headers = { "X-Signature": createHmac("sha256", SECRET).update(body).digest("hex") };
    try {
      const answer = await fetch(HOOK, { method: "POST", headers, body });
      if (answer.ok) return console.log(`RhoSync knows of visit ${id}`);
      console.log(`${HOOK} answers ${answer.status}`);
    } catch {
      console.log(`${HOOK} does not answer`);
    }
    await wait(2_000);
  }
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text ? JSON.parse(text) : {};
}

/** What can be asked for. */
const LISTS = {
  customers: () => customers,
  parts: () => parts,
  visits: () => Array.from(visits, ([id, visit]) => ({ id, ...visit })),
};

/** The API. RhoSync gives every change a key, and makes it known to devices itself; of all others it has to be told. */
async function api(request, kind, id) {
  if (request.method === "GET") return [200, LISTS[kind]()];
  if (kind !== "visits") return [405, { message: "Only visits can be changed." }];
  const key = request.headers["idempotency-key"];
  if (answers.has(key)) return answers.get(key);
  const sent = await bodyOf(request);
  const [status, body] = change(request.method, id, sent);
  console.log(`${request.method} ${request.url} ${JSON.stringify(sent)}: ${status}`);
  if (key) answers.set(key, [status, body]);
  else if (status < 300) tell(id ?? body.id);
  return [status, body];
}

const KINDS = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** The web app's files: any web server can have them. */
async function file(path) {
  const name = path === "/" ? "/index.html" : path;
  const content = await readFile(new URL(`../web${name}`, import.meta.url));
  return { content, kind: KINDS[extname(name)] ?? "application/octet-stream" };
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://office");
  const [, kind, id] = pathname.split("/");
  try {
    if (Object.hasOwn(LISTS, kind)) {
      const [status, body] = await api(request, kind, id);
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(body && JSON.stringify(body));
    } else {
      const { content, kind } = await file(pathname);
      response.writeHead(200, { "Content-Type": kind, "Cache-Control": "no-cache" });
      response.end(content);
    }
  } catch (error) {
    response.writeHead(error.code === "ENOENT" ? 404 : 400, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ message: error.message }));
  }
});

server.listen(PORT, "127.0.0.1", () => console.log(`The office is at http://127.0.0.1:${PORT}/`));
