import { blob as declareBlob, kv as declareKv } from '../../../core/bindings/declarations.ts'
import type { BlobDriver, KvDriver } from '../../../core/bindings/drivers.ts'
import { checkValues, DAMAGED, type ValueCall, type ValueOperation } from '../checkers/values.ts'
import { drawClients, runClients, type Worker, type Workload } from './workload.ts'

/** A step on one key; a put writes so many bytes. */
interface ValueStep {
  readonly do: ValueCall['do']
  readonly key: string
  readonly size: number
}

/** A store of whole values, by the names of {@link bytesOf}. */
interface Store {
  get(key: string): Promise<string | null>
  put(key: string, value: string, size: number): Promise<unknown>
  delete(key: string): Promise<unknown>
}

/** The drivers here read their own store: none declares staleness. */
const PROMISED = { stalenessSeconds: 0, readYourWrites: true }

export const kv: Workload = values(6_000, 50, async (worker) => {
  const driver = (await worker.open('kv', declareKv(), 'things')) as KvDriver
  return {
    get: async (key) => nameOf((await driver.get(key, 'bytes'))?.value as Uint8Array | undefined),
    put: (key, value, size) => driver.put(key, bytesOf(value, size), {}),
    delete: (key) => driver.delete(key),
  }
})

export const blob: Workload = values(200_000, 25, async (worker) => {
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
})

/** Clients that replace, remove and read whole values on few keys. */
function values(mostBytes: number, steps: number, open: (worker: Worker) => Promise<Store>): Workload {
  return {
    plan: (draw, processes) =>
      drawClients(processes, 12 / processes, steps, () => {
        const share = draw.int(100)
        const does = share < 45 ? 'get' : share < 88 ? 'put' : 'delete'
        return { do: does, key: `k${draw.int(8)}`, size: 1 + draw.int(mostBytes) }
      }),

    async start(worker) {
      const store = await open(worker)
      return {
        done: runClients<ValueStep>(worker, async ({ do: does, key, size }, at) => {
          const value = `${key}:${at.join('.')}`
          const call = does === 'put' ? { do: does, key, value } : { do: does, key }
          await worker.recorder.call(
            call,
            does === 'get',
            (): Promise<unknown> =>
              does === 'get'
                ? store.get(key)
                : does === 'put'
                  ? store.put(key, value, size)
                  : store.delete(key),
            (found) => (does === 'get' ? found : null),
            at,
          )
        }),
      }
    },

    judge: (operations) => checkValues(operations as readonly ValueOperation[], PROMISED),
  }
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
