import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../store/durable-files.ts'

/**
 * Maximum number of names in the stored list of apps that need processes of their own; the oldest names are
 * dropped first.
 */
const MAX_NAMES = 10_000

/**
 * Names of apps that get processes of their own at every start of the host, kept in `apart.json` in the data
 * folder.
 */
export class RememberedApps {
  #path: string
  #names = new Set<string>()

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'apart.json')
  }

  async open(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '[]')
    this.#names = new Set(JSON.parse(text) as string[])
  }

  has(app: string): boolean {
    return this.#names.has(app)
  }

  async add(app: string): Promise<void> {
    if (this.#names.has(app)) return
    const [oldest] = this.#names
    if (this.#names.size >= MAX_NAMES && oldest !== undefined) this.#names.delete(oldest)
    this.#names.add(app)
    await writeDurably(this.#path, JSON.stringify([...this.#names]))
  }
}
