/** Runs the strong kv driver in workerd, one call or one published case per request. */
import { DurableObject } from 'cloudflare:workers'
import { strongKv } from '../../adapters/cloudflare/runtime/drivers.ts'
import { createStrongKvObject } from '../../adapters/cloudflare/runtime/index.ts'
import type { NativeNamespace } from '../../adapters/cloudflare/runtime/strong-kv.ts'
import { kv } from '../../core/bindings/declarations.ts'
import type { DriverContext, StrongKvDriver } from '../../core/bindings/drivers.ts'
import { decodeValue, encodeError, encodeValue } from '../../core/runtime/rpc.ts'
import { driverContext, type Harness } from '../../core/tools/conformance/drivers/harness.ts'
import { kvCases } from '../../core/tools/conformance/drivers/kv.ts'
import { strongKvCases } from '../../core/tools/conformance/drivers/strong-kv.ts'
import { answerCase } from './worker-cases.ts'

export const UnmoorStrongKv = createStrongKvObject(
  DurableObject as Parameters<typeof createStrongKvObject>[0],
)

/** What the test sends. */
export interface StrongKvCall {
  /** Keeps harnesses apart, as deployments are. */
  deployment: string
  binding: string
  options: { shards?: number }
  now: number
  method: string
  args: unknown
}

/** Asks for one of the published cases. */
export interface StrongKvCase {
  case: string
}

let harnesses = 0

/** Objects of its own per deployment. */
function open(
  env: { KV: NativeNamespace },
  deployment: string,
  options: StrongKvCall['options'],
  context: DriverContext,
): StrongKvDriver | Promise<StrongKvDriver> {
  const native: NativeNamespace = {
    idFromName: (name) => env.KV.idFromName(`${deployment}/${name}`),
    get: (id) => env.KV.get(id),
  }
  return strongKv(options, { ...context, native })
}

function runCase(env: { KV: NativeNamespace }, id: string): Promise<Response> {
  const create = async (): Promise<Harness<StrongKvDriver>> => {
    const harness = ++harnesses
    return {
      open: async (options = {}) => {
        const context = driverContext(options)
        return open(env, `${harness}/${context.app}`, {}, context)
      },
      dispose: async () => {},
    }
  }
  return answerCase([...kvCases(create), ...strongKvCases(create)], id)
}

async function call(env: { KV: NativeNamespace }, asked: StrongKvCall): Promise<Response> {
  const { deployment, binding, options, now, method, args } = asked
  try {
    const driver = await open(env, deployment, options, {
      binding,
      app: 'test',
      declaration: kv({ consistency: 'strong' }),
      variable: () => undefined,
      now: () => now,
    })
    const methods = driver as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    return Response.json({
      value: await encodeValue(await methods[method]?.(...(decodeValue(args) as unknown[]))),
    })
  } catch (error) {
    return Response.json({ error: encodeError(error) })
  }
}

export default {
  async fetch(request: Request, env: { KV: NativeNamespace }): Promise<Response> {
    const asked = (await request.json()) as StrongKvCall | StrongKvCase
    return 'case' in asked ? runCase(env, asked.case) : call(env, asked)
  },
}
