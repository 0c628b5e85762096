/** What a folder below `frameworks` says of itself in its `framework.ts`. */
import type { WorkerApp, WorkerRequests } from '../worker/case.ts'

export interface Framework extends Omit<WorkerRequests, 'services'> {
  /** The npm packages that this is about. */
  packages: readonly string[]
  /** Programs of the installed packages that build the app for Cloudflare, in this order. */
  build: readonly (readonly [program: string, ...args: string[]])[]
}

/** A framework's app with its place. */
export interface NamedFramework extends Framework, Pick<WorkerApp, 'name'> {
  /** Absolute path of the folder with its sources. */
  source: string
}

/** Returns `framework`; an editor knows its type by it. */
export function defineFramework(framework: Framework): Framework {
  return framework
}
