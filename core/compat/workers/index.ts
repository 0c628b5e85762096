/**
 * `unmoor/internal/workers`: Cloudflare-shaped bindings and handlers over unmoor's own. The generated entry
 * of a build with `--worker` imports it; Workers themselves never do.
 */
import { tellOfAbsentNames } from './absent-names.ts'
import { createWorkerEnv } from './env.ts'
import { installGlobals } from './globals.ts'
import { installServiceWorker } from './service-worker.ts'
import type { WorkerSpec } from './spec.ts'
import { type ContextStore, state } from './state.ts'

export { createWorkerApp } from './app.ts'
export type { WorkerBinding, WorkerSpec } from './spec.ts'

/**
 * Creates the env and globals of an existing Worker. The generated entry calls it before the Worker's modules
 * run, with an AsyncLocalStorage if the Worker has Durable Objects.
 */
export function setUpWorker(spec: WorkerSpec, sections?: ContextStore): true {
  state.spec = spec
  state.sections = sections
  installGlobals(spec.compatibilityFlags)
  state.env = tellOfAbsentNames(createWorkerEnv(spec))
  if (spec.serviceWorker === true) installServiceWorker()
  return true
}
