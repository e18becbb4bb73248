// Keeps the app's own files, so that it starts without a network. Its data is none of this worker's business: the library keeps it.

const CACHE = "field-service";

const FILES = [
  "./",
  "app.js",
  "app.webmanifest",
  "icon.svg",
  "style.css",
  "views.js",
  "rhosync/index.js",
  "rhosync/worker.js",
  "rhosync/sync_client_web.js",
  "rhosync/sync_client_web_bg.wasm",
];

self.addEventListener("install", (event) => event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES))));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const isOurs = request.method === "GET" && new URL(request.url).origin === location.origin;
  if (isOurs) event.respondWith(answer(request));
});

/** The network's answer, so that a new version shows at once; without a network, the last one. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
