/** Imports `usage.json`, the usage file of hosts before 0.2, once into the usage store and renames it. */
import { createReadStream } from 'node:fs'
import { access, rename } from 'node:fs/promises'
import { UnmoorError } from '../../../../core/errors.ts'
import { emptyUsage, type Usage } from '../usage.ts'
import type { UsageStore } from './usage-store.ts'

/**
 * Imports `{ "2026-11-25T08:00:00.000Z": { "shop": { "requests": 1, ... } } }` if the file exists, and
 * renames it to `usage.json.imported`. Figures that an older host did not count become 0.
 *
 * @throws `Unavailable` for a file of another form, so that no billing data is lost silently.
 */
export async function importUsageFile(path: string, store: UsageStore): Promise<void> {
  if (!(await exists(path))) return
  try {
    for await (const [period, text] of members(path)) {
      const hour = Date.parse(period)
      if (Number.isNaN(hour)) throw new Error(`${period.slice(0, 40)} is no time`)
      const apps = Object.entries(JSON.parse(text) as Record<string, Partial<Usage>>)
      store.import(
        hour,
        apps.map(([app, usage]) => [app, { ...emptyUsage(), ...usage }]),
      )
    }
  } catch (cause) {
    throw new UnmoorError(
      'Unavailable',
      `The usage file ${path} cannot be read: ${(cause as Error).message}. Mend it, or move it away to ` +
        'start afresh.',
      { operation: 'start', cause },
    )
  }
  await rename(path, `${path}.imported`)
  store.endImport()
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [34, 92, 123, 125] as const

/**
 * Yields the members of a JSON object whose values are objects, each as name and text. The file is streamed,
 * since it may be longer than a string can be.
 */
async function* members(path: string): AsyncGenerator<[name: string, text: string]> {
  let [depth, quoted, escaped, ended] = [0, false, false, false]
  /** Bytes read so far of the current member of the `usage.json` object. */
  let parts: Buffer[] = []
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let from = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (escaped) escaped = false
      else if (quoted) {
        if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) quoted = false
      } else if (byte === QUOTE) quoted = true
      else if (byte === OPEN) {
        if (depth++ === 0) from = at + 1
      } else if (byte === CLOSE && --depth <= 1) {
        if (depth === 1) {
          parts.push(chunk.subarray(from, at + 1))
          yield splitMember(Buffer.concat(parts).toString())
          parts = []
          from = at + 1
        } else {
          ended = true
          parts.push(chunk.subarray(from, at))
        }
      }
    }
    if (depth > 0) parts.push(Buffer.from(chunk.subarray(from)))
  }
  if (!ended || depth !== 0) throw new Error('it is no whole JSON object')
  const rest = Buffer.concat(parts).toString().trim()
  if (rest !== '') throw new Error(`no hour is ${rest.slice(0, 40)}`)
}

function splitMember(text: string): [name: string, text: string] {
  const [whole, name] = /^[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*(?=\{)/.exec(text) ?? []
  if (whole === undefined || name === undefined) throw new Error(`no hour begins at ${text.slice(0, 40)}`)
  return [JSON.parse(name) as string, text.slice(whole.length)]
}
