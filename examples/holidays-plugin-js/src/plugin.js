// What the calls of the plugin protocol mean: a source of public holidays, which nobody can change.

const DAY = 86_400_000;

/** Easter Sunday of a year, by the anonymous Gregorian algorithm. */
export function easter(year) {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const g = Math.floor((8 * b + 13) / 25);
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const days = h + l - 7 * m + 114;
  return new Date(Date.UTC(year, Math.floor(days / 31) - 1, (days % 31) + 1));
}

/** The holidays of a year: objects by id, with attributes that are texts. */
export function holidays(year) {
  const after = (days) => new Date(easter(year).getTime() + days * DAY);
  const found = [
    ["new-year", "New Year", new Date(Date.UTC(year, 0, 1))],
    ["good-friday", "Good Friday", after(-2)],
    ["easter-monday", "Easter Monday", after(1)],
    ["ascension", "Ascension", after(39)],
    ["whit-monday", "Whit Monday", after(50)],
    ["christmas", "Christmas", new Date(Date.UTC(year, 11, 25))],
  ];
  return Object.fromEntries(
    found.map(([id, name, date]) => [`${year}-${id}`, { name, date: date.toISOString().slice(0, 10) }]),
  );
}

function json(status, body) {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

/** Answers a call: `POST …/rhoconnect/<call>`. */
export async function answer(request, today = new Date()) {
  const call = new URL(request.url).pathname.match(/\/rhoconnect\/([a-z]+)$/)?.[1];
  if (request.method !== "POST" || !call) {
    return json(404, { message: "there is no such call" });
  }
  switch (call) {
    case "query": {
      const year = today.getUTCFullYear();
      return json(200, { ...holidays(year), ...holidays(year + 1) });
    }
    case "create":
    case "update":
    case "delete":
      return json(422, { message: "nobody can change holidays" });
    default:
      return json(404, { message: "there is no such call" });
  }
}
