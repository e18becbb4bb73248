import { answer } from "./plugin.js";

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));
