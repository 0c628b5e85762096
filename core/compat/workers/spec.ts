import type { HeaderRule, RedirectRule } from './asset-rules.ts'
import type { AnyDeclaration } from '../../bindings/declarations.ts'

/**
 * Description of a Worker that a build writes into the generated entry as plain JSON. Written by
 * `core/tools/build/worker`, read by `app.ts`.
 */

/** One binding of the Worker's env, and the unmoor binding that serves it. */
export type WorkerBinding =
  | { readonly type: 'kv'; readonly binding: string }
  /**
   * An R2 bucket of a Worker; `uploads` is the blob binding that holds parts of multipart uploads until they
   * are complete.
   */
  | { readonly type: 'r2'; readonly binding: string; readonly uploads: string }
  | { readonly type: 'd1'; readonly binding: string }
  | { readonly type: 'queue'; readonly binding: string; readonly deliveryDelay?: number | undefined }
  /**
   * A Worker's variable with text or JSON. `value` comes from the wrangler file; the process's environment
   * takes precedence.
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
  /** The binding `__STATIC_CONTENT` of Workers Sites, with the site's files. */
  | { readonly type: 'site' }
  /** A Worker's file of `text_blobs` as text, or of `data_blobs` or `wasm_modules` in base64. */
  | { readonly type: 'text' | 'data' | 'wasm'; readonly value: string }
  /** A Worker's assets binding without a folder, in which no file is found. */
  | { readonly type: 'noAssets' }
  | { readonly type: 'object'; readonly className: string }
  | { readonly type: 'version'; readonly id: string }
  /** A Worker's Hyperdrive; `binding` is a variable with the URL of a Postgres database. */
  | { readonly type: 'hyperdrive'; readonly binding: string }
  /** A Worker's Analytics Engine dataset; `binding` is the sql binding of its database. */
  | { readonly type: 'analytics'; readonly binding: string; readonly dataset: string }
  /** A Worker's `ai` binding; `binding` is a service that speaks OpenAI's protocol. */
  | { readonly type: 'ai'; readonly binding: string }
  /** A Worker's rate limiter that allows `limit` calls in `period` seconds. */
  | {
      readonly type: 'ratelimit'
      readonly binding: string
      readonly limit: number
      readonly period: number
    }

/** Canonical form of the URLs of a Worker's pages: wrangler's `html_handling`. */
export type HtmlHandling = 'auto-trailing-slash' | 'force-trailing-slash' | 'drop-trailing-slash' | 'none'

/** Static assets of the Worker: the assets binding, and the response for a missing file. */
export interface WorkerAssets {
  readonly binding: string
  readonly missing: 'none' | 'single-page-application' | '404-page'
  /** A Worker's asset routing that only its facade implements; undefined if the target's own is enough. */
  readonly routing?: AssetRouting | undefined
  /** Asset routing of a Pages project, which replaces all other asset handling. */
  readonly pages?: PagesRouting | undefined
}

/** Rules by which requests find the assets of a Pages project. Paths are decoded. */
export interface PagesRouting {
  /** Decoded paths of all pages (files that end with .html) of a Pages project. */
  readonly pages: readonly string[]
  /** Paths of a Pages project's files without an extension. */
  readonly plain: readonly string[]
  readonly redirects: readonly RedirectRule[]
  readonly headers: readonly HeaderRule[]
}

/** Rules by which requests find the assets of a Worker. */
export interface AssetRouting {
  readonly html: HtmlHandling
  /** Percent-encoded paths of all pages (files that end with .html) among a Worker's assets. */
  readonly pages: readonly string[]
  readonly redirects: readonly RedirectRule[]
  readonly headers: readonly HeaderRule[]
  /**
   * Paths that the Worker answers first (`include`), except paths that only the assets answer (`exclude`).
   */
  readonly workerFirst?:
    | { readonly include: readonly string[]; readonly exclude: readonly string[] }
    | undefined
  /** True if the Worker answers every request before its assets. */
  readonly always: boolean
}

/** A Worker, as its wrangler file describes it. */
export interface WorkerSpec {
  readonly name: string
  /** Bindings of the Worker's env, by name. */
  readonly env: Readonly<Record<string, WorkerBinding>>
  /** Declarations of the app that a Worker becomes, by unmoor's binding names. */
  readonly declarations: Readonly<Record<string, AnyDeclaration>>
  /** Queues that the Worker consumes: name of each queue, as in `batch.queue`, by unmoor's binding name. */
  readonly consumers: Readonly<Record<string, string>>
  /**
   * Crons of the Worker by unmoor's name: the portable schedule, and the cron expression that the Worker
   * sees.
   */
  readonly crons: Readonly<Record<string, { readonly schedule: string; readonly cron: string }>>
  /**
   * Static assets of the Worker. If `navigations`, the assets alone answer a browser's navigations, before
   * the Worker.
   */
  readonly assets?: (WorkerAssets & { readonly navigations: boolean }) | undefined
  /** Files of a Workers Site: an assets binding, and the key by which the Worker reads each path. */
  readonly site?:
    | { readonly binding: string; readonly manifest: Readonly<Record<string, string>> }
    | undefined
  /**
   * Pages projects with code only: rules of `_routes.json` for the requests that the code answers. Default:
   * all.
   */
  readonly routes?: { readonly include: readonly string[]; readonly exclude: readonly string[] } | undefined
  /** Name of the unmoor binding behind the Worker's `caches`. */
  readonly cache: string
  /**
   * Durable Objects: the unmoor binding that stores them, the cron that runs due alarms, and the classes of
   * the wrangler file, whether or not a binding names them.
   */
  readonly objects?:
    | { readonly binding: string; readonly cron: string; readonly classes: readonly string[] }
    | undefined
  /** Name of the unmoor variable with the token that authenticates calls between Workers. */
  readonly serviceToken?: string | undefined
  /** True if the Worker listens for events (`addEventListener('fetch')`) instead of exporting handlers. */
  readonly serviceWorker?: boolean | undefined
  readonly compatibilityDate: string
  readonly compatibilityFlags: readonly string[]
}
