/** What a contender of the group `bindings` does again and again. */
export interface Work {
  /** One operation of that number; resolves with its answer, which all contenders must give alike. */
  once(index: number): Promise<unknown>
  /** Operations that one call of `once` counts for. Default: 1. */
  operations?: number
  /** Calls of `once` in flight. Default: 1, as calls of an embedded database block anyway. */
  concurrency?: number
  close(): Promise<void> | void
}

/** Where the work is done. */
export interface Place {
  /** A fresh folder, of this contender alone. */
  folder: string
  /** A fresh schema on Postgres. */
  postgres: { url: string; schema: string }
  redis: { url: string }
}

/** The contenders of one id, ours first. */
export type Contenders = Readonly<Record<string, (place: Place) => Promise<Work> | Work>>

/** Keys and values of all kv works: 1,000 entries of 100 characters. */
export const KEYS: readonly string[] = Array.from(
  { length: 1000 },
  (_, index) => `user:${String(index).padStart(6, '0')}`,
)
export const VALUE =
  'a value of one hundred characters, as a session or a short link would have it ............ the end.'
/** Calls to a server that are under way at once. */
export const IN_FLIGHT = 32

export function key(index: number): string {
  return KEYS[index % KEYS.length] as string
}
