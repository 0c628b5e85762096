import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactInfo } from '../../../../core/adapter.ts'
import type { AppRecord } from '../app-record.ts'
import { writeDurably } from '../store/durable-files.ts'

/** File in the data folder: digests of the migrations applied on this host, by app. */
const FILE = 'migrated.json'

/**
 * Remembers the apps whose migrations this host has applied. New migrations are first applied in a trial,
 * where they may take long, before a shared process opens the app.
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

  /**
   * Records an app's migrations as applied. If the file cannot be written, the next start only repeats a
   * trial.
   */
  async add(app: AppRecord): Promise<void> {
    const digest = digestOf(app)
    if (digest !== undefined) await this.#set(app.name, digest)
  }

  /** Forgets an app's migrations, as the app's data may be deleted. */
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

/**
 * Returns a digest of an app's migrations and their drivers. Undefined if there are none, or they cannot be
 * read.
 */
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
