// @ts-check
// What the page shows. It gets data and says what the user wants; it knows no database.

/** @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/** An element with properties, and texts or elements in it. */
function element(name, properties, ...content) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...content.filter((it) => it !== null));
  return made;
}

const STATES = {
  "": "",
  complete: "Up to date",
  offline: "Offline",
  paused: "Offline, as you wish",
  serverBusy: "The server is busy",
  signedOut: "Signed out",
  refused: "The server does not know this app any more",
};

/** Shows how the device is: how the last sync has ended, and how many changes wait. */
export function showState(ended, pending) {
  const waiting = pending ? `${pending} not sent` : null;
  byId("state").textContent = [STATES[ended] ?? ended, waiting].filter(Boolean).join(" · ");
  byId("state").className = pending || ended !== "complete" ? "waiting" : "";
}

/** Shows the visits; each leads to `edit`. */
export function showVisits(rows, edit) {
  const items = rows.map(({ id, pending, time, task, status, hours, note, name, address, phone }) =>
    element(
      "li",
      { className: "card" },
      element("p", { className: "time" }, time ?? ""),
      element(
        "div",
        {},
        element("h3", {}, element("button", { className: "link", onclick: () => edit(id) }, task ?? "")),
        element("p", {}, name ?? ""),
        element("p", { className: "faint" }, [address, phone].filter(Boolean).join(" · ")),
        note ? element("p", { className: "note" }, note) : null,
      ),
      element(
        "p",
        { className: "badges" },
        pending ? element("span", { className: "badge waiting" }, "not sent") : null,
        element("span", { className: `badge ${status}` }, Number(hours) ? `${status}, ${hours} h` : (status ?? "")),
      ),
    ),
  );
  byId("visits").replaceChildren(...items);
}

/** The failed changes that are shown, as JSON. */
let shown = "";

/** Shows changes that failed, each with what the user wants and what is so, and lets the user decide. */
export function showFailed(failed, visits, { retry, discard }) {
  // What the user is typing stays.
  const asked = JSON.stringify(failed);
  if (asked === shown) return;
  shown = asked;
  const cards = failed.map((change, at) => {
    const wanted = change.operation.attributes ?? change.operation.set ?? {};
    const current = change.current ?? {};
    const task = visits[at]?.attributes.task ?? wanted.task ?? "A visit";
    const fields = Object.entries(wanted).map(([name, value]) => {
      const input = element("input", { id: `${change.id}-${name}`, name, value: String(value ?? "") });
      const theirs = change.isConflict ? `The office has: ${current[name] || "nothing"}` : null;
      const label = element("label", { htmlFor: input.id }, `Your ${name}`);
      return element("div", {}, label, input, theirs && element("p", { className: "faint" }, theirs));
    });
    const form = element(
      "form",
      { className: "card decision" },
      element("h2", {}, task),
      element("p", {}, change.isConflict ? "Somebody else has changed the same meanwhile." : `The office refuses this: ${change.reason ?? change.code}`),
      ...fields,
      element(
        "p",
        { className: "buttons" },
        element("button", { type: "button", onclick: () => discard(change) }, change.isConflict ? "Take theirs" : "Give it up"),
        element("button", { className: "main" }, change.isConflict ? "Keep mine" : "Try again"),
      ),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      retry(change, Object.fromEntries(/** @type {any} */ (new FormData(form))));
    };
    return form;
  });
  byId("failed").replaceChildren(...cards);
}

/** Puts values into the form of a dialog. */
export function fill(dialog, values, title = null) {
  const form = byId(dialog).querySelector("form");
  form.reset();
  if (title) form.querySelector("h2").textContent = title;
  for (const field of form.elements) {
    if (field.name in values) field.value = values[field.name];
  }
}

/** Opens a dialog, and answers what was entered when it is closed; nothing if that was not to be saved. */
export function read(dialog) {
  const it = byId(dialog);
  it.returnValue = "";
  it.showModal();
  return new Promise((resolve) => {
    it.onclose = () => {
      const entered = new FormData(it.querySelector("form"));
      resolve(it.returnValue === "save" ? Object.fromEntries(/** @type {any} */ (entered)) : null);
    };
  });
}
