import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactInfo } from '../../../../core/adapter.ts'
import type { AppRecord } from '../app-record.ts'
import { writeDurably } from '../store/durable-files.ts'

/** In the data folder: which migrations have been applied on this host, by app. */
const FILE = 'migrated.json'

/**
 * Remembers the apps whose migrations this host has applied. Other migrations are applied in a trial, where
 * they may take their time, before a process that serves others opens the app.
 */
export class Migrated {
  #path: string
  #done: Map<string, string>
  #writing: Promise<void> = Promise.resolve()

  constructor(dataDir: string) {
    this.#path = join(dataDir, FILE)
    this.#done = new Map(Object.entries(readJson(this.#path) ?? {}))
  }

  has(app: AppRecord): boolean {
    const digest = digestOf(app)
    return digest === undefined || this.#done.get(app.name) === digest
  }

  /** A file that cannot be written costs a trial at the next start, and nothing else. */
  async add(app: AppRecord): Promise<void> {
    const digest = digestOf(app)
    if (digest !== undefined) await this.#set(app.name, digest)
  }

  /** The app's data may go. */
  async forget(app: string): Promise<void> {
    if (this.#done.has(app)) await this.#set(app, undefined)
  }

  #set(app: string, digest: string | undefined): Promise<void> {
    if (digest === undefined) this.#done.delete(app)
    else this.#done.set(app, digest)
    this.#writing = this.#writing
      .then(() => writeDurably(this.#path, JSON.stringify(Object.fromEntries(this.#done))))
      .catch(() => {})
    return this.#writing
  }
}

/** Digest of an app's migrations and of where they go. Undefined where it has none, or cannot be read. */
function digestOf({ dir, settings }: AppRecord): string | undefined {
  const info = readJson(join(dir, 'unmoor.json')) as Partial<ArtifactInfo> | undefined
  const migrations = info?.migrations ?? {}
  if (Object.keys(migrations).length === 0) return undefined
  const text = JSON.stringify([migrations, settings.drivers ?? {}])
  return createHash('sha256').update(text).digest('base64url')
}

function readJson(path: string): Record<string, string> | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
  } catch {
    return undefined
  }
}
