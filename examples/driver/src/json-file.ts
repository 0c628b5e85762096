/**
 * A custom kv driver: a Map in memory, saved in one JSON file. It uses only unmoor's public exports. It suits
 * a few thousand small entries of one process, and shows the duties of a driver rather than how to store
 * much.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UnmoorError } from 'unmoor'
import type {
  DriverFactory,
  DriverOptionTables,
  KvDriver,
  KvEntry,
  KvListEntry,
  OptionTable,
} from 'unmoor/runtime'

/** Options of the driver `json-file`. */
export interface JsonFileOptions {
  /** Path of the JSON file. Default: `APP/kv-BINDING.json` in the data folder. */
  path?: string
}

/**
 * Table by which a build checks a config's options. The build reads this literal without running the module.
 */
export const options = {
  kv: { path: 'string' } satisfies OptionTable<JsonFileOptions>,
} satisfies DriverOptionTables

/** An entry as stored in the file; bytes are base64. */
interface Stored {
  text?: string
  base64?: string
  metadata?: string
  expiration?: number
}

/** Entries by path of the files that this process has open: two drivers of one file share its entries. */
const open = new Map<string, Map<string, Stored>>()

export const kv: DriverFactory<'kv', JsonFileOptions> = ({ path }, context) => {
  const { app, binding, dataDir } = context
  const file = path ?? (dataDir === undefined ? undefined : join(dataDir, app, `kv-${binding}.json`))
  if (file === undefined)
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${binding}": this target has no disk. Set the driver's "path".`,
      { binding },
    )
  let entries = open.get(file)
  if (entries === undefined) open.set(file, (entries = load(file, binding)))
  return new JsonFileKv(file, entries, () => context.now())
}

function load(file: string, binding: string): Map<string, Stored> {
  try {
    return new Map(JSON.parse(readFileSync(file, 'utf8')) as [string, Stored][])
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    // A damaged file causes an error with its path, and is never overwritten.
    throw new UnmoorError(
      'Internal',
      `Binding "${binding}": ${file} cannot be read. Mend it, or move it away.`,
      { binding, cause },
    )
  }
}

class JsonFileKv implements KvDriver {
  #file: string
  #entries: Map<string, Stored>
  #now: () => number
  #saving: Promise<void> | undefined

  constructor(file: string, entries: Map<string, Stored>, now: () => number) {
    this.#file = file
    this.#entries = entries
    this.#now = now
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const stored = this.#live(key)
    if (stored === undefined) return null
    const { text, base64, metadata, expiration } = stored
    // A read as `stream` may be answered with bytes. Each caller receives bytes of its own.
    const bytes = (): Buffer<ArrayBuffer> =>
      text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text)
    return {
      value: as === 'text' ? (text ?? bytes().toString()) : new Uint8Array(bytes()),
      metadata,
      expiration,
    }
  }

  /**
   * Reads several keys. Optional: without it `env.NAME.getMany()` reads each key by itself, so it pays off if
   * a backend can answer many keys in one call.
   */
  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const found = await Promise.all(keys.map(async (key) => [key, await this.get(key, as)] as const))
    return new Map(found.filter((entry): entry is [string, KvEntry] => entry[1] !== null))
  }

  async put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    { metadata, expiration }: { metadata?: string | undefined; expiration?: number | undefined },
  ): Promise<void> {
    const body =
      typeof value === 'string' ? { text: value } : { base64: Buffer.from(value).toString('base64') }
    this.#entries.set(key, {
      ...body,
      ...(metadata === undefined ? {} : { metadata }),
      ...(expiration === undefined ? {} : { expiration }),
    })
    await this.#save()
  }

  async delete(key: string): Promise<void> {
    if (this.#entries.delete(key)) await this.#save()
  }

  async list({
    prefix,
    cursor,
    limit,
  }: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): Promise<{ keys: KvListEntry[]; cursor?: string }> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    // Keys are listed in UTF-8 byte order, which is not the order of JavaScript's strings.
    const names = [...this.#entries.keys()]
      .filter(
        (name) =>
          name.startsWith(prefix) &&
          this.#live(name) !== undefined &&
          (after === undefined || compare(name, after) > 0),
      )
      .sort(compare)
    const keys = names.slice(0, limit).map((name): KvListEntry => {
      const { metadata, expiration } = this.#entries.get(name) ?? {}
      return { name, metadata, expiration }
    })
    const last = keys.at(-1)
    return last === undefined || names.length <= limit ? { keys } : { keys, cursor: encodeCursor(last.name) }
  }

  /**
   * Returns an entry that has not expired. An expired entry is never returned, even while the file still
   * holds it.
   */
  #live(key: string): Stored | undefined {
    const stored = this.#entries.get(key)
    return stored?.expiration !== undefined && stored.expiration * 1000 <= this.#now() ? undefined : stored
  }

  /**
   * Saves the entries. Changes in the same turn are written together, and the old file stays whole until the
   * new one is complete.
   */
  #save(): Promise<void> {
    this.#saving ??= Promise.resolve().then(() => {
      this.#saving = undefined
      mkdirSync(dirname(this.#file), { recursive: true })
      writeFileSync(`${this.#file}.new`, JSON.stringify([...this.#entries]))
      renameSync(`${this.#file}.new`, this.#file)
    })
    return this.#saving
  }
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Encodes the last key as a cursor, with a mark that tells it from text which this driver did not make. */
function encodeCursor(key: string): string {
  const text = Buffer.from(key).toString('base64url')
  return `k${text.length}.${text}`
}

function decodeCursor(cursor: string): string {
  const [, length, text = ''] = /^k(\d+)\.([\w-]+)$/.exec(cursor) ?? []
  const key = Buffer.from(text, 'base64url').toString()
  if (Number(length) !== text.length || encodeCursor(key) !== cursor)
    throw new UnmoorError('InvalidArgument', 'This cursor is none that an earlier page gave.', {
      operation: 'list',
    })
  return key
}
