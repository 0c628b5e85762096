import { setTimeout as sleep } from 'node:timers/promises'
import { blob as declareBlob, kv as declareKv } from '../../../core/bindings/declarations.ts'
import type { BlobDriver, KvDriver } from '../../../core/bindings/drivers.ts'
import { checkValues, DAMAGED, type ValueCall, type ValueOperation } from '../checkers/values.ts'
import { now } from '../record/clock.ts'
import { CLOCK_ERROR, drawClients, runClients, type Worker, type Workload } from './workload.ts'

/** A step on one key, or a list. A put writes so many bytes, and expires after about so many seconds if not 0. */
interface ValueStep {
  readonly do: ValueCall['do']
  readonly key: string
  readonly size: number
  readonly seconds: number
}

/** A store of whole values, by the names of {@link bytesOf}. */
interface Store {
  get(key: string): Promise<string | null>
  /** `expiration` is in seconds since 1970. */
  put(key: string, value: string, size: number, expiration?: number): Promise<unknown>
  delete(key: string): Promise<unknown>
  /** Returns all keys, by pages. Blobs have no expirations and no list here. */
  list?(): Promise<readonly string[]>
}

/** The drivers here read their own store: none declares staleness. */
const PROMISED = { stalenessSeconds: 0, readYourWrites: true, clockError: CLOCK_ERROR }
/** Keys of a page of a list, fewer than there are keys. */
const PAGE = 3

export const kv: Workload = values(
  { mostBytes: 6_000, steps: 50, lists: 10, expires: 30 },
  async (worker) => {
    const driver = (await worker.open('kv', declareKv(), 'things')) as KvDriver
    return {
      get: async (key) => nameOf((await driver.get(key, 'bytes'))?.value as Uint8Array | undefined),
      put: (key, value, size, expiration) =>
        driver.put(key, bytesOf(value, size), expiration === undefined ? {} : { expiration }),
      delete: (key) => driver.delete(key),
      async list() {
        const names: string[] = []
        for (let cursor: string | undefined, isLast = false; !isLast; isLast = cursor === undefined) {
          const page = await driver.list({
            prefix: '',
            limit: PAGE,
            ...(cursor === undefined ? {} : { cursor }),
          })
          names.push(...page.keys.map(({ name }) => name))
          cursor = page.cursor
        }
        return names
      },
    }
  },
)

export const blob: Workload = values(
  { mostBytes: 200_000, steps: 25, lists: 0, expires: 0 },
  async (worker) => {
    const driver = (await worker.open('blob', declareBlob(), 'things')) as BlobDriver
    return {
      async get(key) {
        const found = await driver.get(key, {})
        if (found?.body === undefined || found.body === null) return null
        return nameOf(await new Response(found.body).bytes())
      },
      put: (key, value, size) =>
        driver.put(key, bytesOf(value, size), { httpMetadata: {}, customMetadata: {} }),
      delete: (key) => driver.delete([key]),
    }
  },
)

/** What steps are drawn from: shares of 100 steps are lists, and of 100 puts expire. */
interface Shape {
  readonly mostBytes: number
  readonly steps: number
  readonly lists: number
  readonly expires: number
}

/** Clients that replace, remove, list and read whole values on few keys. */
function values(
  { mostBytes, steps, lists, expires }: Shape,
  open: (worker: Worker) => Promise<Store>,
): Workload {
  return {
    plan: (draw, processes) =>
      drawClients(processes, 12 / processes, steps, () => {
        if (lists > 0 && draw.percent(lists)) return { do: 'list', key: '', size: 0, seconds: 0 }
        const share = draw.int(100)
        const does = share < 45 ? 'get' : share < 88 ? 'put' : 'delete'
        const seconds = does === 'put' && draw.percent(expires) ? 1 + draw.int(2) : 0
        return { do: does, key: `k${draw.int(8)}`, size: 1 + draw.int(mostBytes), seconds }
      }),

    async start(worker) {
      const store = await open(worker)
      return {
        done: runClients<ValueStep>(worker, async (step, at) => {
          // A history of a fast store would end before an entry expires.
          if (expires > 0) await sleep(30)
          const expiration = step.seconds === 0 ? undefined : Math.floor(Date.now() / 1000) + step.seconds
          const call = toCall(step, `${step.key}:${at.join('.')}`, expiration)
          await worker.recorder.call(
            call,
            call.do === 'get' || call.do === 'list',
            (): Promise<unknown> => {
              if (call.do === 'get') return store.get(call.key)
              if (call.do === 'put') return store.put(call.key, call.value, step.size, expiration)
              return call.do === 'list' ? (store.list?.() ?? Promise.resolve([])) : store.delete(call.key)
            },
            (found) => (call.do === 'get' || call.do === 'list' ? found : null),
            at,
          )
        }),
      }
    },

    judge: (operations) => checkValues(operations as readonly ValueOperation[], PROMISED),
  }
}

function toCall({ do: does, key }: ValueStep, value: string, expiration: number | undefined): ValueCall {
  if (does === 'list') return { do: does, key: '' }
  if (does !== 'put') return { do: does, key }
  if (expiration === undefined) return { do: does, key, value }
  // The store compares the wall clock, and the record has the monotonic one.
  return { do: does, key, value, expiresAt: now() + (expiration * 1000 - Date.now()) * 1000 }
}

/** The bytes of a value: its name and size again and again, so that any cut or mixture shows. */
function bytesOf(name: string, size: number): Uint8Array<ArrayBuffer> {
  const head = `${name} ${size};`
  return new TextEncoder().encode(
    head.repeat(Math.ceil((size + 1) / head.length)).slice(0, Math.max(size, head.length)),
  )
}

function nameOf(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined) return null
  const text = new TextDecoder().decode(bytes)
  const [, name = '', size = ''] = /^(\S+) (\d+);/.exec(text) ?? []
  return Buffer.from(bytesOf(name, Number(size))).equals(bytes) ? name : DAMAGED
}
