import type { Attributes, Database, DeviceOptions, Schema, SourceOptions } from "./library.js";

export * from "./library.js";

export interface Options<S extends Schema = Record<string, Attributes>> {
  /** The server's address, `https://sync.example.com`. */
  server: string;
  /** The sources that the app works with. */
  sources: (Extract<keyof S, string> | SourceOptions<Extract<keyof S, string>>)[];
  /** The database's name, where an app has several. All tabs with the same one share it. */
  name?: string;
  device?: DeviceOptions;
  /** A worker that runs this package's `worker.js`, where a bundler has to make it. */
  worker?: Worker;
}

/** Opens a database, or makes it. */
export function open<S extends Schema = Record<string, Attributes>>(options: Options<S>): Promise<Database<S>>;

/** A new UUID of version 7, for objects that get their id from the app. */
export function newId(): string;
