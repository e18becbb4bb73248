import assert from "node:assert/strict";
import test from "node:test";

import { answer, easter, holidays } from "../src/plugin.js";

const call = (name, body = {}) =>
  answer(
    new Request(`http://holidays.spin.internal/rhoconnect/${name}`, { method: "POST", body: JSON.stringify(body) }),
    new Date("2026-05-01T00:00:00Z"),
  );

test("Easter is where the calendar has it", () => {
  const days = [1961, 2000, 2024, 2025, 2026, 2038].map((year) => easter(year).toISOString().slice(0, 10));
  assert.deepEqual(days, ["1961-04-02", "2000-04-23", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25"]);
});

test("a query answers objects by id, with texts", async () => {
  const answered = await call("query");
  assert.equal(answered.status, 200);
  const objects = await answered.json();
  assert.equal(Object.keys(objects).length, 12);
  assert.deepEqual(objects["2026-whit-monday"], { name: "Whit Monday", date: "2026-05-25" });
  assert.deepEqual(objects["2027-new-year"], holidays(2027)["2027-new-year"]);
});

test("changes are refused with a reason", async () => {
  for (const name of ["create", "update", "delete"]) {
    const answered = await call(name);
    assert.equal(answered.status, 422);
    assert.equal((await answered.json()).message, "nobody can change holidays");
  }
  assert.equal((await call("authenticate")).status, 404);
});
