import type { HeaderRule, RedirectRule } from './asset-rules.ts'
import type { AnyDeclaration } from '../../bindings/declarations.ts'

/**
 * What a build knows of a Worker: plain JSON that the generated entry carries. Written by
 * `core/build/worker`, read by `app.ts`.
 */

/** One binding of the Worker's env, and the unmoor binding that serves it. */
export type WorkerBinding =
  | { readonly type: 'kv'; readonly binding: string }
  /** `uploads` holds the parts of multipart uploads until they are complete. */
  | { readonly type: 'r2'; readonly binding: string; readonly uploads: string }
  | { readonly type: 'd1'; readonly binding: string }
  | { readonly type: 'queue'; readonly binding: string; readonly deliveryDelay?: number | undefined }
  /**
   * A variable of text, or of JSON; `value` is the wrangler file's, which the process's environment goes
   * before.
   */
  | {
      readonly type: 'var'
      readonly binding: string
      readonly value?: string | undefined
      readonly json?: boolean
    }
  | { readonly type: 'secret'; readonly binding: string }
  | {
      readonly type: 'service'
      readonly binding: string
      readonly self: boolean
      readonly entrypoint?: string | undefined
      readonly props?: Readonly<Record<string, unknown>> | undefined
    }
  | ({ readonly type: 'assets' } & WorkerAssets)
  /** `__STATIC_CONTENT` of Workers Sites. */
  | { readonly type: 'site' }
  /** A file of `text_blobs`; of `data_blobs` and `wasm_modules`, in base64. */
  | { readonly type: 'text' | 'data' | 'wasm'; readonly value: string }
  /** Assets of no folder: nothing is found. */
  | { readonly type: 'noAssets' }
  | { readonly type: 'object'; readonly className: string }
  | { readonly type: 'version'; readonly id: string }
  /** `binding` is a variable: the URL of a Postgres database. */
  | { readonly type: 'hyperdrive'; readonly binding: string }
  /** A dataset of Analytics Engine; `binding` is a database. */
  | { readonly type: 'analytics'; readonly binding: string; readonly dataset: string }
  /** Workers AI; `binding` is a service that speaks its protocol. */
  | { readonly type: 'ai'; readonly binding: string }
  /** Calls that are allowed in `period` seconds. */
  | {
      readonly type: 'ratelimit'
      readonly binding: string
      readonly limit: number
      readonly period: number
    }

/** How pages are named: wrangler's `html_handling`. */
export type HtmlHandling = 'auto-trailing-slash' | 'force-trailing-slash' | 'drop-trailing-slash' | 'none'

/** The Worker's static files: unmoor's binding, and what is served where there is no such file. */
export interface WorkerAssets {
  readonly binding: string
  readonly missing: 'none' | 'single-page-application' | '404-page'
  /** What only the facade can do; undefined where the target's own serving is enough. */
  readonly routing?: AssetRouting | undefined
  /** The asset server of Pages, in place of all else. */
  readonly pages?: PagesRouting | undefined
}

/** How requests find the assets of a Pages project. Paths are decoded. */
export interface PagesRouting {
  /** Paths of all pages (.html). */
  readonly pages: readonly string[]
  /** Paths of files whose names have no extension. */
  readonly plain: readonly string[]
  readonly redirects: readonly RedirectRule[]
  readonly headers: readonly HeaderRule[]
}

/** How requests find their assets. */
export interface AssetRouting {
  readonly html: HtmlHandling
  /** Paths of all pages (.html), percent-encoded. */
  readonly pages: readonly string[]
  readonly redirects: readonly RedirectRule[]
  readonly headers: readonly HeaderRule[]
  /** Paths that the Worker answers first, and exceptions, which the assets answer alone. */
  readonly workerFirst?:
    | { readonly include: readonly string[]; readonly exclude: readonly string[] }
    | undefined
  /** True if the Worker answers every request first. */
  readonly always: boolean
}

/** A Worker, as its wrangler file describes it. */
export interface WorkerSpec {
  readonly name: string
  /** Names of the Worker's env to what serves them. */
  readonly env: Readonly<Record<string, WorkerBinding>>
  /** What the app declares, by unmoor's names. */
  readonly declarations: Readonly<Record<string, AnyDeclaration>>
  /** Consumed queues: unmoor's binding to the queue's name, as `batch.queue` has it. */
  readonly consumers: Readonly<Record<string, string>>
  /** Unmoor's crons: the schedule that runs them, and the expression that the Worker sees. */
  readonly crons: Readonly<Record<string, { readonly schedule: string; readonly cron: string }>>
  /**
   * The assets; `navigations`: whether a browser's navigations are answered by them alone, before the Worker.
   */
  readonly assets?: (WorkerAssets & { readonly navigations: boolean }) | undefined
  /** The files of Workers Sites: an assets binding, and paths to the keys by which the Worker gets them. */
  readonly site?:
    | { readonly binding: string; readonly manifest: Readonly<Record<string, string>> }
    | undefined
  /** For a Pages project with code: `_routes.json`, which says what requests it answers. Default: all. */
  readonly routes?: { readonly include: readonly string[]; readonly exclude: readonly string[] } | undefined
  /** The unmoor binding of `caches`. */
  readonly cache: string
  /**
   * The unmoor binding that keeps the storage of Durable Objects, and the cron that wakes those whose alarm
   * is due. `classes` are those of the config, whether a binding names them or not.
   */
  readonly objects?:
    | { readonly binding: string; readonly cron: string; readonly classes: readonly string[] }
    | undefined
  /** The unmoor variable whose value calls between Workers must know. */
  readonly serviceToken?: string | undefined
  /** True if it listens for events (`addEventListener('fetch')`) in place of exporting handlers. */
  readonly serviceWorker?: boolean | undefined
  readonly compatibilityDate: string
  readonly compatibilityFlags: readonly string[]
}
