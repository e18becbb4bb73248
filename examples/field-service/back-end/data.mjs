// What the office knows. Visits change, and are kept in a file.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("../office.json", import.meta.url);

export const customers = [
  { id: "c1", name: "Bakery Lind", address: "4 Mill Lane", phone: "555 0101" },
  { id: "c2", name: "Hotel Aurora", address: "18 Harbour Road", phone: "555 0118" },
  { id: "c3", name: "Dr. Okafor, dentist", address: "2 Park Square", phone: "555 0142" },
  { id: "c4", name: "Primary School North", address: "77 Church Street", phone: "555 0177" },
];

export const parts = [
  { id: "p1", name: "Igniter", stock: 3 },
  { id: "p2", name: "Thermostat", stock: 5 },
  { id: "p3", name: "V-belt", stock: 2 },
];

const planned = [
  ["1", { time: "08:00", customer: "c1", task: "Oven does not heat", status: "done", hours: 1.5, note: "Replaced the igniter." }],
  ["2", { time: "10:00", customer: "c2", task: "Yearly check of the lift", status: "planned", hours: 0, note: "Key at the reception." }],
  ["3", { time: "13:30", customer: "c3", task: "Compressor is loud", status: "planned", hours: 0, note: "" }],
  ["4", { time: "15:30", customer: "c4", task: "Radiators in room 12 stay cold", status: "planned", hours: 0, note: "Ask for Ms. Berg." }],
];

export const visits = new Map(existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : planned);

export function saveVisits() {
  writeFileSync(FILE, JSON.stringify([...visits]));
}
