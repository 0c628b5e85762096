/** Runs a Worker under wrangler itself, the reference for how a Worker is built and served. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { loadMiniflare } from '../../../../../adapters/cloudflare/local/miniflare.ts'
import type { RunningWorker } from '../running-worker.ts'

/** The part of wrangler's programmatic interface that the Workers cases use. */
interface Wrangler {
  unstable_DevEnv: new () => DevEnv
}
interface DevEnv {
  once(event: 'reloadComplete', listener: () => void): void
  once(event: 'buildFailed', listener: (event: { cause?: unknown }) => void): void
  startWorker(options: {
    config: string
    legacy: { site: SiteFiles | undefined }
    env?: string | undefined
    dev: {
      server: { hostname: string; port: number }
      persist: false
      remote: false
      watch: false
      inspector: false
      logLevel: 'none'
    }
  }): Promise<{ url: Promise<URL>; dispose(): Promise<void> }>
}

/** Environment variables that stop wrangler from sending data to anybody. */
const QUIET = { CLOUDFLARE_CF_FETCH_ENABLED: 'false', WRANGLER_SEND_METRICS: 'false', CI: 'true' }

/** Files of Workers Sites that wrangler serves; `bucket` is the absolute path of their folder. */
interface SiteFiles {
  bucket: string
  include: readonly string[]
  exclude: readonly string[]
}

/**
 * Converts `site` of the wrangler file as the command `wrangler dev` does; wrangler's programmatic interface
 * leaves that to its caller.
 */
function siteFiles(projectDir: string, site: unknown): SiteFiles | undefined {
  if (site === undefined) return undefined
  const { bucket, include = [], exclude = [] } = site as Partial<SiteFiles>
  return { bucket: join(projectDir, bucket ?? ''), include, exclude }
}

/** Wrangler file and environment of the Worker project to serve. */
export interface WranglerOptions {
  /** Absolute path of the wrangler file. Default: `wrangler.jsonc` of the project. */
  config?: string | undefined
  /** Name of the environment in the wrangler file. Default: the top level of the file. */
  environment?: string | undefined
  /** Fields of the wrangler file that wrangler leaves to its command line. Default: none. */
  content?: Readonly<Record<string, unknown>> | undefined
}

/** Serves the Worker project with wrangler's dev server. */
export async function startWrangler(
  projectDir: string,
  { config = join(projectDir, 'wrangler.jsonc'), environment, content = {} }: WranglerOptions = {},
): Promise<Pick<RunningWorker, 'url' | 'runtime' | 'stop'>> {
  const { wrangler, versions } = loadMiniflare()
  for (const [name, value] of Object.entries(QUIET)) process.env[name] ??= value
  const { unstable_DevEnv: Env } = createRequire(wrangler)('wrangler') as Wrangler
  const env = new Env()
  const served = new Promise<void>((fulfil, reject) => {
    env.once('reloadComplete', fulfil)
    env.once('buildFailed', ({ cause }) => reject(new Error(`wrangler's build failed: ${String(cause)}`)))
  })
  served.catch(() => {})
  const worker = await env.startWorker({
    config,
    env: environment,
    legacy: { site: siteFiles(projectDir, content['site']) },
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      persist: false,
      remote: false,
      watch: false,
      inspector: false,
      logLevel: 'none',
    },
  })
  try {
    await served
  } catch (error) {
    await worker.dispose()
    throw error
  }
  return {
    url: (await worker.url).origin,
    runtime: `workerd ${versions.workerd} and wrangler ${versions.wrangler}`,
    stop: () => worker.dispose(),
  }
}
