// @ts-check
// Keeps the database in sync as long as the page is open: at the start, when the app has changed something, when the network is back,
// and every few seconds, since others change things too.

/** How often is looked for what others have changed, and for the server where there is no network, in milliseconds. */
const EVERY_MS = 5_000;

/**
 * @param {import("./rhosync/index.js").Database<any>} db
 * @param {(how: string) => void} told hears how each sync has ended, or that there is none as long as the user works offline
 */
export function keepInSync(db, told) {
  let timer = 0;
  let isSyncing = false;
  let isAskedAgain = false;
  let isPaused = false;
  let isOver = false;

  async function now() {
    clearTimeout(timer);
    if (isOver) return;
    if (isPaused) return told("paused");
    isAskedAgain = isSyncing;
    if (isSyncing) return;
    isSyncing = true;
    try {
      timer = setTimeout(now, await sync());
    } finally {
      isSyncing = false;
    }
    if (isAskedAgain || isPaused || isOver) now();
  }

  /** Syncs, and says when to come again. */
  async function sync() {
    try {
      const { ended, nextInMs } = await db.sync();
      told(ended.how);
      return ended.how === "complete" || ended.how === "offline" ? EVERY_MS : nextInMs;
    } catch (error) {
      // Another window of this browser is syncing the same database.
      if (error.code === "syncRunning") return EVERY_MS;
      throw error;
    }
  }

  addEventListener("online", now);
  now();
  return {
    /** Syncs as soon as possible: something is to be sent. */
    now,
    /** Leaves the network alone, or takes it up again. */
    pause(isWanted) {
      isPaused = isWanted;
      return now();
    },
    /** Ends it. */
    stop() {
      isOver = true;
      clearTimeout(timer);
      removeEventListener("online", now);
    },
  };
}
