import { constantCase } from '../../../../core/bindings/declarations.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from '../../../../core/runtime/runtime.ts'
import type { WorkerTestChannel } from '../test-channel.ts'

/** What {@link startRuntime} needs of an app. */
export interface StartOptions extends Pick<RuntimeOptions, 'app' | 'name' | 'drivers'> {
  /** Only in builds made for tests. */
  testChannel?: WorkerTestChannel | undefined
}

/**
 * Makes the env of an app for a Durable Object. The Worker's own start says the same within its function:
 * shared, it would add bytes to every Worker.
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
  // What is special on this platform stays within reach: `env.links.native`.
  for (const binding of runtime.drivers.keys()) {
    const own = env[constantCase(binding)]
    // A secret's is its text.
    if (typeof own === 'object') Object.assign(runtime.env[binding] as object, { native: own })
  }
  return runtime
}
