import { constantCase } from '../../../../core/bindings/declarations.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from '../../../../core/runtime/runtime.ts'
import type { WorkerTestChannel } from '../test-channel.ts'

/** Options of {@link startRuntime} in a Durable Object: the app, its name and its drivers. */
export interface StartOptions extends Pick<RuntimeOptions, 'app' | 'name' | 'drivers'> {
  /**
   * Test channel: the route by which tests reach the bindings of a running Worker; only builds for tests have
   * it.
   */
  testChannel?: WorkerTestChannel | undefined
}

/**
 * Creates the runtime of an app for a Durable Object. The Worker's own start repeats this code: shared, it
 * would add bytes to every Worker.
 */
export async function startRuntime(
  options: StartOptions,
  env: Readonly<Record<string, unknown>>,
): Promise<Runtime> {
  const runtime = await createRuntime({
    ...options,
    drivers: options.testChannel?.tracker.wrap(options.drivers) ?? options.drivers,
    variable: (name) => (typeof env[name] === 'string' ? env[name] : undefined),
    native: (binding) => env[constantCase(binding)],
  })
  // Cloudflare's own binding stays reachable as `env.links.native`.
  for (const binding of runtime.drivers.keys()) {
    const own = env[constantCase(binding)]
    // The env entry of a secret is its text, which has no `native`.
    if (typeof own === 'object') Object.assign(runtime.env[binding] as object, { native: own })
  }
  return runtime
}
