/** Runs the cases of the kv and the blob driver in workerd, one case per request. */
import { blob, kv } from '../../adapters/cloudflare/runtime/drivers.ts'
import { blobCases } from '../../core/tools/conformance/drivers/blob.ts'
import {
  driverContext,
  type Harness,
  type OpenOptions,
} from '../../core/tools/conformance/drivers/harness.ts'
import { kvCases } from '../../core/tools/conformance/drivers/kv.ts'
import { answerCase } from './worker-cases.ts'

type Env = Readonly<Record<string, unknown>>

let next = 0

/** A namespace or bucket of its own per app and binding, as a deployment has them. */
function harness<Driver>(open: (id: string, options: OpenOptions) => Promise<Driver>): Harness<Driver> {
  const taken = new Map<string, string>()
  return {
    open(options = {}) {
      const { app, binding } = driverContext(options)
      const name = `${app}/${binding}`
      if (!taken.has(name)) taken.set(name, `n${next++}`)
      return open(taken.get(name) as string, options)
    },
    dispose: async () => {},
  }
}

function native(env: Env, name: string): unknown {
  if (env[name] === undefined) throw new Error(`The Worker has no binding ${name}: it needs more of them.`)
  return env[name]
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const id = await request.text()
    const cases = id.startsWith('kv-')
      ? kvCases(
          async () =>
            harness(async (name, options) =>
              kv({}, { ...driverContext(options), native: native(env, `KV_${name}`) }),
            ),
          { ownClock: true },
        )
      : blobCases(async () =>
          harness(async (name, options) =>
            blob({}, { ...driverContext(options), native: native(env, `R2_${name}`) }),
          ),
        )
    return answerCase(cases, id)
  },
}
