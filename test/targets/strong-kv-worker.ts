/** Runs the strong kv driver in workerd, one call per request. */
import { DurableObject } from 'cloudflare:workers'
import { strongKv } from '../../adapters/cloudflare/runtime/drivers.ts'
import { createStrongKvObject } from '../../adapters/cloudflare/runtime/index.ts'
import type { NativeNamespace } from '../../adapters/cloudflare/runtime/strong-kv.ts'
import { kv } from '../../core/bindings/declarations.ts'
import { decodeValue, encodeError, encodeValue } from '../../core/runtime/rpc.ts'

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

export default {
  async fetch(request: Request, env: { KV: NativeNamespace }): Promise<Response> {
    const { deployment, binding, options, now, method, args } = (await request.json()) as StrongKvCall
    const native: NativeNamespace = {
      idFromName: (name) => env.KV.idFromName(`${deployment}/${name}`),
      get: (id) => env.KV.get(id),
    }
    try {
      const driver = await strongKv(options, {
        binding,
        app: 'test',
        declaration: kv({ consistency: 'strong' }),
        variable: () => undefined,
        now: () => now,
        native,
      })
      const methods = driver as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
      return Response.json({
        value: await encodeValue(await methods[method]?.(...(decodeValue(args) as unknown[]))),
      })
    } catch (error) {
      return Response.json({ error: encodeError(error) })
    }
  },
}
