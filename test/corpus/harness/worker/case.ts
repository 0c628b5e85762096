/** What the suites of Workers and of frameworks have in common: an app that wrangler serves, and its requests. */
import type { CorpusRequest } from '../library.ts'
import type { ServiceName } from '../services/index.ts'

/** Targets that `--worker` builds for; on Cloudflare itself a Worker runs as it is, under wrangler. */
export const WORKER_TARGETS = ['node', 'lambda', 'isolate'] as const
export type WorkerTarget = (typeof WORKER_TARGETS)[number]

/** One request. `{origin}` in its headers and path stands for the address of the server that is asked. */
export interface WorkerRequest extends CorpusRequest {
  /** Sent again until the body contains this text, for what a queue does later. Default: sent once. */
  until?: string
}

/** How an app is asked, and what of its answers is not compared. */
export interface WorkerRequests {
  /** Sent in this order, one after the other. */
  requests: readonly WorkerRequest[]
  /** Servers that the app needs. Default: none. */
  services?: readonly ServiceName[]
  /** Variables and secrets beside those of `.dev.vars`. Default: none. */
  variables?: Readonly<Record<string, string>>
  /** The API that the app calls, served at the variable `UPSTREAM_URL`. Default: none. */
  upstream?: (request: Request) => Response | Promise<Response>
  /** What differs from run to run: each match in a header or a body is compared as `<masked>`. Default: none. */
  mask?: readonly RegExp[]
}

/** An app that is ready to be built. */
export interface WorkerApp extends WorkerRequests {
  /** The binding of Hyperdrive that leads to the database of `services: ['postgres']`. Default: none. */
  hyperdrive?: string
  name: string
  /** Absolute path of the project. */
  dir: string
  /** Absolute path of the wrangler file that wrangler serves. */
  config: string
  /** What `unmoor build --worker` is given, relative to the project. */
  worker: string
  /** The environment of the wrangler file. Default: its top level. */
  environment?: string | undefined
  /** Folder for what the run writes, absolute. */
  scratch: string
}
