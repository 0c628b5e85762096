import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Milliseconds between two tries to take the lock file of an SQLite database, and maximum milliseconds to
 * wait for the migration of another process, which holds it.
 */
const RETRY_EVERY = 50
const PATIENCE = 10 * 60_000

/**
 * Runs `work` while no other process holds the lock file of an SQLite database. The lock is SQLite's own
 * write lock on an empty database beside the real one: the system frees it when a process dies, and the real
 * database stays usable meanwhile.
 */
export async function holdLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    await acquire(lock, path)
    return await work()
  } finally {
    lock.close()
  }
}

async function acquire(lock: DatabaseSync, path: string): Promise<void> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    try {
      lock.exec('BEGIN EXCLUSIVE')
      return
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== 5) throw error
      if (performance.now() > deadline)
        throw new UnmoorError('Conflict', `Another process has held the lock ${path} for ten minutes.`, {
          cause: error,
        })
    }
    await sleep(RETRY_EVERY)
  }
}
