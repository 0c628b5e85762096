import { afterAll, vi } from 'vitest'
import { blob, kv } from '../../adapters/cloudflare/runtime/drivers.ts'
import { blobContract } from '../drivers/contracts/blob.ts'
import { driverContext, type Harness, type OpenOptions } from '../drivers/contracts/harness.ts'
import { kvContract } from '../drivers/contracts/kv.ts'
import { startModule } from './workerd.ts'

const ids = Array.from({ length: 120 }, (_, n) => `n${n}`)
const namespaces = ids.map((id) => [`KV_${id}`, { type: 'kv' as const, id }] as const)
const buckets = ids.map((name) => [`R2_${name}`, { type: 'r2' as const, name }] as const)
const mf = startModule('export default {}', {
  env: Object.fromEntries<(typeof namespaces | typeof buckets)[number][1]>([...namespaces, ...buckets]),
})
let next = 0
// A thousand puts take the simulator half a minute.
vi.setConfig({ testTimeout: 180_000 })
afterAll(() => mf.dispose())

/** A namespace or bucket of its own per app and binding, as a deployment gives them. */
function harness<Driver>(open: (id: string, options: OpenOptions) => Promise<Driver>): Harness<Driver> {
  const taken = new Map<string, string>()
  return {
    open(options = {}) {
      const { app, binding } = driverContext(options)
      const name = `${app}/${binding}`
      if (!taken.has(name)) taken.set(name, ids[next++] as string)
      return open(taken.get(name) as string, options)
    },
    dispose: async () => {},
  }
}

kvContract(
  'Workers KV',
  async () =>
    harness(async (id, options) =>
      kv({}, { ...driverContext(options), native: await mf.getKVNamespace(`KV_${id}`) }),
    ),
  {
    ownClock: true,
  },
)
blobContract('R2', async () =>
  harness(async (id, options) =>
    blob({}, { ...driverContext(options), native: await mf.getR2Bucket(`R2_${id}`) }),
  ),
)
