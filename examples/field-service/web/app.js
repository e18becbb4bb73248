// @ts-check
import { open } from "./rhosync/index.js";
import { byId, fill, read, showFailed, showState, showVisits } from "./views.js";

/** @typedef {{ time: string, customer: string, task: string, status: string, hours: string, note: string }} Visit */
/** @typedef {{ name: string, address: string, phone: string }} Customer */

/** @type {import("./rhosync/index.js").Database<{ Visit: Visit, Customer: Customer }>} */
const db = await open({
  server: "http://127.0.0.1:9292",
  sources: [
    { name: "Visit", attributes: ["time", "customer", "task", "status", "hours", "note"] },
    { name: "Customer", attributes: ["name", "address", "phone"] },
  ],
});

/** Ends what keeps the database in sync, while something does. */
let unfollow = null;
let ended = "";

// Without a network, the page itself comes from the service worker.
navigator.serviceWorker.register("service-worker.js");

// Answered from the database on this device: now, and again after every change, whoever has made it.
await db.live(
  `SELECT Visit.*, Customer.name, Customer.address, Customer.phone
   FROM Visit LEFT JOIN Customer ON Customer.id = Visit.customer
   ORDER BY Visit.time`,
  [],
  (rows) => showVisits(rows, edit),
);
db.watch([], refresh);

/** Shows what is not sent yet, and what the back end did not take. */
async function refresh() {
  const [pending, failed] = await Promise.all([db.pending(), db.failed()]);
  showState(ended, pending.length);
  const visits = await Promise.all(failed.map((change) => db.get("Visit", change.operation.id ?? "")));
  showFailed(failed, visits, { retry, discard });
}

async function begin() {
  const user = await db.user();
  byId("sign-in").hidden = user !== null;
  byId("work").hidden = byId("account").hidden = user === null;
  if (user && !unfollow) {
    byId("pause").checked = false;
    follow();
  }
  await refresh();
}

/** Keeps the database in sync: what is done here goes up, and what others do comes, as long as there is a network. */
function follow() {
  unfollow = db.follow({
    synced: (report) => show(report.ended.how),
    ended: (why) => {
      unfollow = null;
      if ("error" in why) show(why.error.reason);
      else signedOut("Your session has ended. What you have done is still here.");
    },
  });
}

/** Leaves the network alone. */
function stop() {
  unfollow?.();
  unfollow = null;
}

function show(how) {
  ended = how;
  refresh();
}

function signedOut(why = "") {
  stop();
  byId("sign-in").querySelector(".wrong").textContent = why;
  byId("sign-in").hidden = false;
  byId("work").hidden = byId("account").hidden = true;
}

byId("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target;
  const [login, password] = [form.login.value, form.password.value];
  try {
    await db.signIn({ login, password });
    form.reset();
    await begin();
  } catch (error) {
    form.querySelector(".wrong").textContent = error.message;
  }
};

byId("sign-out").onclick = async () => {
  const unsent = (await db.pending()).length;
  if (unsent && !confirm(`${unsent} of your changes are not sent. If somebody else signs in here, they are lost.`)) return;
  stop();
  await db.signOut();
  ended = "";
  signedOut();
  await refresh();
};

byId("pause").onchange = (event) => {
  if (!event.target.checked) return follow();
  stop();
  show("paused");
};

/** Lets the user change a visit. Only what has changed is sent, so that it is in nobody's way. */
async function edit(id) {
  const visit = await db.get("Visit", id);
  if (!visit) return;
  const { attributes } = visit;
  fill("edit", attributes, attributes.task);
  const entered = await read("edit");
  const set = Object.fromEntries(Object.entries(entered ?? {}).filter(([name, value]) => value !== String(attributes[name] ?? "")));
  if (Object.keys(set).length === 0) return;
  await db.update("Visit", id, set);
}

byId("add").onclick = async () => {
  const customers = await db.list("Customer");
  byId("customer").replaceChildren(...customers.map(({ id, attributes }) => new Option(attributes.name, id)));
  fill("new", {});
  const entered = await read("new");
  if (!entered) return;
  await db.create("Visit", { status: "planned", hours: "0", ...entered });
};

/** Sends a change that failed once more, with what the user says now. */
async function retry(change, values) {
  await db.retry(change.id, values);
}

async function discard(change) {
  await db.discard(change.id);
}

await begin();
