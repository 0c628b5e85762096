import type { DatabaseSync } from 'node:sqlite'
import { toUnmoorError } from './errors.ts'
import { openDatabase } from './open.ts'
import type { SqliteOptions } from './options.ts'

/**
 * One file of queues, shared by all queue bindings of this process that name it, so that a send wakes a
 * waiting receive at once. Sends and deliveries have a connection each: a send is flushed to the disk before
 * it is answered (`synchronous = full`), while a lease or an ack that a power cut undoes only means that the
 * message comes again.
 */
export interface QueueFile {
  readonly path: string
  readonly sends: DatabaseSync
  readonly deliveries: DatabaseSync
  /** Calls `wake` at the next send to `queue`; gives a function that takes it back. */
  onSend(queue: string, wake: () => void): () => void
  sent(queue: string): void
  close(): void
}

// A number may come again once its message is gone: a lease has a token of its own.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    lease TEXT
  );
  CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at, seq);
`

interface Shared extends QueueFile {
  users: number
}

const open = new Map<string, Shared>()

/** The process's handle of a file; the last `close` closes it. */
export function openQueueFile(path: string, options: SqliteOptions): QueueFile {
  const known = path === ':memory:' ? undefined : open.get(path)
  if (known !== undefined) {
    known.users++
    return known
  }
  const file = create(path, options)
  if (path !== ':memory:') open.set(path, file)
  return file
}

function create(path: string, options: SqliteOptions): Shared {
  const sends = openDatabase(path, { synchronous: 'full', ...options })
  let deliveries = sends
  try {
    sends.exec(SCHEMA)
    // A database in memory has one connection.
    if (path !== ':memory:') deliveries = openDatabase(path, { ...options, synchronous: 'normal' })
  } catch (error) {
    sends.close()
    throw toUnmoorError(error, path)
  }
  const waiting = new Map<string, Set<() => void>>()
  return {
    path,
    sends,
    deliveries,
    users: 1,
    onSend(queue, wake) {
      const set = waiting.get(queue) ?? new Set()
      waiting.set(queue, set.add(wake))
      return () => void set.delete(wake)
    },
    sent(queue) {
      for (const wake of waiting.get(queue) ?? []) wake()
    },
    close() {
      if (--this.users > 0) return
      open.delete(path)
      sends.close()
      if (deliveries !== sends) deliveries.close()
    },
  }
}
