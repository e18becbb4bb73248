import type { Attributes, Database, DeviceOptions, Schema, SourceOptions } from "./library.js";

export * from "./library.js";

export interface Options<S extends Schema = Record<string, Attributes>> {
  /** The database's file. */
  path: string;
  /** The server's address, `https://sync.example.com`. */
  server: string;
  /** The sources that the app works with. */
  sources: (Extract<keyof S, string> | SourceOptions<Extract<keyof S, string>>)[];
  device?: DeviceOptions;
  /** Most bytes that files that objects refer to may have together, 512 MiB where it is not said. */
  fileQuotaBytes?: number;
  /** What the database file is encrypted by, where the library was built with encryption: 64 hexadecimal digits are a key, any other text is a passphrase. */
  key?: string;
  /** Carries requests in the place of Node's own `fetch`. */
  fetch?: typeof fetch;
}

declare module "./library.js" {
  interface Database<S extends Schema = Record<string, Attributes>> {
    /** Encrypts the database file by another key, all or nothing. No other process may have it open. `invalid` for one that was opened without a key. */
    changeKey(key: string): Promise<void>;
  }
}

/** Opens a database, or makes it. */
export function open<S extends Schema = Record<string, Attributes>>(options: Options<S>): Promise<Database<S>>;

/** A new UUID of version 7, for objects that get their id from the app. */
export function newId(): string;
