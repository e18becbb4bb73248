// What the library has in browsers and in Node.

/** A value of an attribute. */
export type Value = string | number | boolean | null;

/** The attributes of an object. */
export type Attributes = Record<string, Value>;

/** What an app's sources have: an interface for each. */
export type Schema = Record<string, object>;

/** Why a call came to nothing. */
export type ErrorCode =
  | "storage"
  | "wrongKey"
  | "invalid"
  | "unknownSource"
  | "unknownObject"
  | "loginRefused"
  | "offline"
  | "serverBusy"
  | "refused"
  | "syncRunning"
  | "cancelled"
  | "closed"
  | "internal";

export class RhoSyncError extends Error {
  /** For programs. */
  readonly code: ErrorCode;
  /** The source or object that was not found. */
  readonly source?: string;
  readonly id?: string;
  /** When to try again, in milliseconds, if the server is busy. */
  readonly retryInMs?: number;
  /** The server's answer, if it refused. */
  readonly status?: number;
  readonly serverCode?: string;
}

export interface SourceOptions<Name extends string = string> {
  name: Name;
  /**
   * Attributes that the app knows of: each has a column from the beginning on. The columns of others come with the schema, or with the
   * first object that has them.
   */
  attributes?: string[];
  /** Indexes, each over one attribute or more. */
  indexes?: string[][];
  /** Attributes that `search` looks into. */
  search?: string[];
}

/** What the server is told of the device, so that it can wake it. */
export interface DeviceOptions {
  kind?: string;
  pushType?: string;
  pushToken?: string;
  deviceId?: string;
  appId?: string;
  appVersion?: string;
}

/** Who signs in: by a password, or by a token of the identity provider. */
export type Credentials = { login: string; password: string } | { token: string };

export interface SignedIn {
  /** The user, as the server calls him. */
  user: string;
  /** The device's id at the server. */
  client: string;
  /** Whether the database had another user's data, or another device's, which was erased. */
  hasErased: boolean;
}

/** An object as the app sees it. */
export interface StoredObject<T = Attributes> {
  /** The id that the app knows it by, which never changes. */
  id: string;
  /** The back end's id, once it has given one. */
  remoteId: string | null;
  attributes: T;
  /** Whether changes of it have no verdict yet. */
  isPending: boolean;
  /** Whether a search at the back end has found it, and the source's copy has it not. */
  isFound: boolean;
}

export type Operation =
  | { op: "create"; source: string; id?: string; attributes: Attributes }
  | { op: "update"; source: string; id: string; set: Attributes; unset?: string[] }
  | { op: "delete"; source: string; id: string };

/** A change that has no verdict yet. */
export interface PendingChange {
  id: string;
  operation: Operation;
  state: string;
  /** When it was made, in milliseconds since 1970. */
  madeAtMs: number;
}

/** A change of which nothing was done, or not all. It waits to be retried or discarded. */
export interface FailedChange {
  id: string;
  /** What was not done: in a conflict the app's values. */
  operation: Operation;
  /** Whether others have changed the same. */
  isConflict: boolean;
  /** Why, for programs. */
  code: string;
  /** Why, for people. */
  reason: string | null;
  /** The object as the server has it: in a conflict the others' values. */
  current: Attributes | null;
  madeAtMs: number;
}

/** How a sync ended. */
export type Ended =
  | { how: "complete" }
  | { how: "offline"; reason: string }
  | { how: "serverBusy"; code: string; reason: string }
  | { how: "signedOut" }
  | { how: "refused"; status: number; code: string; reason: string }
  | { how: "cancelled" }
  | { how: "deadlinePassed" };

/** What a sync did. Nothing is lost, however it ended: the next goes on from there. */
export interface SyncReport {
  ended: Ended;
  /** When the next one is due, in milliseconds, unless there is something to send before. */
  nextInMs: number;
  /** Changes that were sent. */
  sent: number;
  /** Changes that the back end has done now, and what it says of them to the user: that is said here and nowhere else. */
  applied: { id: string; source: string; object: string; message: string | null }[];
  /** Changes that were refused, or in conflict with those of others. */
  failed: FailedChange[];
  /** Objects that came or changed. */
  received: number;
  /** Objects that went. */
  deleted: number;
  /** Objects that were damaged, lost or too many in the file, and are as they should be again. */
  mended: number;
  /** Sources whose objects were removed as a whole, and why. */
  removed: { source: string; reason: "moved" | "revoked" | "restored" | "schema" | "tooOld" | "requested" }[];
}

export interface Progress {
  /** Changes that were sent. */
  sent: number;
  /** Verdicts that came. */
  verdicts: number;
  /** Objects that came, changed or went. */
  objects: number;
}

export interface SyncOptions {
  /** The sources; all if none is named. */
  sources?: string[];
  /** When it has to be over, in milliseconds from now. */
  deadlineMs?: number | null;
  /** Compares the copies with the server's also where nothing seems wrong. */
  verify?: boolean;
  /** Hears how far the sync is. */
  progressed?: (progress: Progress) => void;
}

/** A file that is known here. */
export interface FileStatus {
  /**
   * `queued`: it is here, and goes up before the change that refers to it; `here`: it is here, and the server has it; `wanted`: it comes
   * with the next sync; `missing`: the server has none, or none for this user; `noRoom`: there is no room for it.
   */
  state: "queued" | "here" | "wanted" | "missing" | "noRoom";
  /** Its media type, once it is known. */
  contentType: string;
  /** Bytes that are here. */
  bytes: number;
  /** Of one that goes up, bytes that the server has. */
  sent: number;
}

export interface SourceStatus {
  name: string;
  /** Objects that the server has, as far as the device knows. */
  count: number;
  /** Whether it was synced at least once. */
  isBegun: boolean;
  /** The schema, as JSON, if it has one. */
  schema: string | null;
  /** What the back end tells apps of the source. */
  metadata: string | null;
  /** What is wrong with it. Its objects are there all the same. */
  problem: { code: string; reason: string } | null;
}

/** An offline database that keeps itself in sync with a server. */
export class Database<S extends Schema = Record<string, Attributes>> {
  /** Who is signed in. */
  user(): Promise<string | null>;
  /** Signs a user in. What is in the database stays if it is his and this device's. */
  signIn(credentials: Credentials): Promise<SignedIn>;
  /** Signs out: at once on the device, and at the server if it can be reached. */
  signOut(): Promise<void>;

  /** Makes an object, and says its id, which never changes for the app. It is on disk when the promise is kept. */
  create<N extends Extract<keyof S, string>>(source: N, attributes: Partial<S[N]>): Promise<string>;
  /** Sets attributes of an object, and removes those of `unset`. */
  update<N extends Extract<keyof S, string>>(source: N, id: string, set: Partial<S[N]>, unset?: Extract<keyof S[N], string>[]): Promise<void>;
  /** Removes an object. */
  delete(source: Extract<keyof S, string>, id: string): Promise<void>;
  /** Makes changes of any objects and sources, all of them or none. Says the id of each one's object. */
  transaction(operations: Operation[]): Promise<string[]>;

  /** An object, by the id that the app knows or by the back end's. */
  get<N extends Extract<keyof S, string>>(source: N, id: string): Promise<StoredObject<S[N]> | null>;
  /** Objects in the order of their ids. */
  list<N extends Extract<keyof S, string>>(source: N, page?: { limit?: number; offset?: number }): Promise<StoredObject<S[N]>[]>;
  /** Asks a query in SQLite's SQL: each source is a view of its name. */
  query<Row = Attributes>(sql: string, params?: Value[]): Promise<Row[]>;
  /** The objects that have all of the words, or words that begin so; the best first. */
  search<N extends Extract<keyof S, string>>(source: N, words: string, page?: { limit?: number }): Promise<StoredObject<S[N]>[]>;

  /**
   * Searches a source at its back end, by parameters that it understands; says what was found. That is kept beside the source's copy, to be
   * read and changed like all objects, until `forgetFound`. Of a source that passes through, which has no copy, this is the way to its
   * objects: what was found before goes then.
   */
  searchRemote<N extends Extract<keyof S, string>>(source: N, parameters?: Record<string, Value>): Promise<StoredObject<S[N]>[]>;
  /** Forgets what searches at the back end have found in a source. Changes of it go up all the same. */
  forgetFound(source: Extract<keyof S, string>): Promise<void>;

  /**
   * Keeps a file, and says its address: what an object refers to it by, in an attribute whose name ends in `-rhoblob`. It goes up with the
   * next sync, before the changes that refer to it. One that no change refers to is removed after a day. `invalid` if there is no room
   * for it.
   */
  addFile(name: string, contentType: string, content: Blob | BufferSource): Promise<string>;
  /** How the file at an address is; `null` if nothing is known of it here. */
  file(address: string): Promise<FileStatus | null>;
  /** The content of the file at an address; `null` if it is not here: see `wantFile`. */
  readFile(address: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Has the file at an address come with the next sync, unless it is here. */
  wantFile(address: string): Promise<void>;

  /** Tells of each change of some sources; of all if none is named. In browsers, in whatever tab it was made. Ends with what it returns. */
  watch(sources: Extract<keyof S, string>[], changed: (sources: string[]) => void): () => void;
  /** Answers a query now and after each change of what it reads. Ends with what it returns. */
  live<Row = Attributes>(sql: string, params: Value[], told: (rows: Row[]) => void): Promise<() => void>;

  /** Sends what was done and brings what is new. That there is no network is no error: the report says how it ended. */
  sync(options?: SyncOptions): Promise<SyncReport>;
  /** Ends the sync that is under way as soon as it can. */
  cancel(): Promise<void>;
  /** Syncs what a push message asks to sync; `null` if it is not the server's. */
  handlePing(payload: string | object, options?: SyncOptions): Promise<SyncReport | null>;

  /** The changes that have no verdict yet, oldest first. */
  pending(): Promise<PendingChange[]>;
  /** The changes that failed, oldest first. */
  failed(): Promise<FailedChange[]>;
  /** Sends a change that failed once more, with `values` in the place of its own if there are some. */
  retry(change: string, values?: Attributes | null): Promise<void>;
  /** Forgets a change that failed. */
  discard(change: string): Promise<void>;

  /**
   * Narrows a source down to a part of it, by parameters for its back end; `{}` for the whole source. They are kept, and the next sync
   * brings that part in the place of what is there. A source whose changes wait for their verdicts goes over when they have them.
   */
  setParameters(source: Extract<keyof S, string>, parameters: Record<string, Value>): Promise<void>;
  /** How the sources are. */
  sources(): Promise<SourceStatus[]>;
  /** How the database is, as JSON, for support. It has no tokens and no values of objects. */
  diagnostics(): Promise<string>;
  /** Closes the database. In browsers, another tab's goes on. */
  close(): Promise<void>;
}
