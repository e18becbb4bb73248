import type { Attributes, Database, DeviceOptions, ErrorCode, Schema, SourceOptions, SyncReport } from "./library.js";

export * from "./library.js";

export interface Options<S extends Schema = Record<string, Attributes>> {
  /** The server's address, `https://sync.example.com`. */
  server: string;
  /** The sources that the app works with. */
  sources: (Extract<keyof S, string> | SourceOptions<Extract<keyof S, string>>)[];
  /** The database's name, where an app has several. All tabs with the same one share it. */
  name?: string;
  device?: DeviceOptions;
  /** Most bytes that files that objects refer to may have together, 512 MiB where it is not said. */
  fileQuotaBytes?: number;
  /** A worker that runs this package's `worker.js`, where a bundler has to make it. */
  worker?: Worker;
}

export interface FollowOptions {
  /** Hears how each sync ended. The next one comes by itself. */
  synced?: (report: SyncReport) => void;
  /** Hears why the database is not followed any more: nobody is signed in, or the file cannot be read or written. */
  ended?: (why: { how: "signedOut" } | { error: { code: ErrorCode; reason: string } }) => void;
}

declare module "./library.js" {
  interface Database<S extends Schema = Record<string, Attributes>> {
    /**
     * Keeps the database current: syncs at once, when the server says that something has changed, when a change was made in any tab, and
     * when the server wants it. All tabs share one event stream; `synced` hears of the first sync after the call in any of them. Ends with what
     * it returns, and when nobody is signed in any more.
     */
    follow(options?: FollowOptions): () => void;
    /** Tells who follows that things may be better than they were. That the network is back, or the page is seen again, is heard by itself. */
    wake(): Promise<void>;
  }
}

/** Opens a database, or makes it. */
export function open<S extends Schema = Record<string, Attributes>>(options: Options<S>): Promise<Database<S>>;

/** A new UUID of version 7, for objects that get their id from the app. */
export function newId(): string;
