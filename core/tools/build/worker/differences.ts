import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { WorkerBinding } from '../../../compat/workers/spec.ts'
import type { WorkerProject } from './worker.ts'

/** A part of a Worker that behaves differently off Cloudflare. */
export interface Difference {
  /** Place of the difference: name of a binding in the Worker's env, or a file and line of its source. */
  where: string
  what: string
}

const BY_TYPE: Readonly<Partial<Record<WorkerBinding['type'], string>>> = {
  r2:
    'the etag of a stream over 1 MiB is not its MD5; custom metadata may have about 1,900 bytes; ' +
    'ssecKey is refused',
  d1:
    'meta.rows_read and rows_written count the result, size_after is 0. On Lambda it is a file on a ' +
    'file system that is mounted: set its path',
  queue: 'one batch at a time unless max_concurrency says more; on Lambda a delay is at most 900 s',
  secret:
    'its value comes from a variable of that name in CONSTANT_CASE, or a driver that unmoor.config.ts names',
  hyperdrive:
    'its URL comes from the variable NAME_URL; the isolate host has no sockets for a Postgres client',
  ratelimit: 'each process counts for itself, unless its driver is redis or postgres',
  analytics: 'a table with the columns of the dataset; read it by SQL',
  ai: 'text, chat, tools, streams and embeddings by the models that the driver maps',
  object:
    'on node and isolate only, in one process; after a restart an alarm that is due rings within a minute, ' +
    'and sockets are closed',
  version: 'the id is that of the build',
}

/** Variables that Cloudflare sets when it builds a Pages project. */
const PAGES_VARIABLES: ReadonlySet<string> = new Set([
  'CF_PAGES_BRANCH',
  'CF_PAGES_COMMIT_SHA',
  'CF_PAGES_URL',
])

/** The differences from Cloudflare of a Worker's bindings, in the order of its env. */
export function bindingDifferences({ spec, functions }: WorkerProject): Difference[] {
  const found: Difference[] = []
  if (spec.assets?.pages !== undefined)
    found.push({
      where: 'pages_build_output_dir',
      what:
        'the site is served by the target, and files that begin with a dot are left out, .well-known ' +
        'excepted. There are no previews, no branches and no early hints',
    })
  if (functions !== undefined)
    found.push({
      where: 'functions',
      what: 'they are compiled by the wrangler that is installed, at each build',
    })
  if (spec.site !== undefined)
    found.push({
      where: 'env.__STATIC_CONTENT',
      what: 'the files are those of the build; an older page cannot get the files of an earlier one',
    })
  for (const [name, binding] of Object.entries(spec.env)) {
    const what =
      PAGES_VARIABLES.has(name) && spec.assets?.pages !== undefined
        ? 'told by the build, as wrangler pages dev does; set the variable where the target knows better'
        : binding.type === 'service' && !binding.self
          ? `its address comes from ${name}_URL, but on a host; methods are called with the secret ` +
            'UNMOOR_SERVICE_TOKEN, which both Workers must have'
          : binding.type === 'var' && binding.value === undefined
            ? 'a secret: set it in the environment of the target'
            : BY_TYPE[binding.type]
    if (what !== undefined) found.push({ where: `env.${name}`, what })
  }
  return found
}

/** Patterns of a Worker's source code that behave differently off Cloudflare, with the difference. */
const IN_SOURCE: readonly (readonly [RegExp, string])[] = [
  [
    /\bWebSocketPair\b/,
    'WebSockets run on node and isolate; on lambda they are refused at build, where the code stays in the ' +
      'bundle: write that part with the binding "sockets", or use server-sent events',
  ],
  [
    /['"]cloudflare:sockets['"]/,
    'on isolate and host connect() goes by the rules of outbound requests: name private addresses in ' +
      'outbound.allow',
  ],
  [
    /['"]cloudflare:email['"]|\basync email\s*\(/,
    'nothing routes mail to the Worker: it is built, and never called',
  ],
  [/\brequest\.cf\b|\.cf[?!]?\.\w/, 'request.cf is a stub: country "XX", colo "XXX"'],
  [/cf-connecting-ip/i, 'it has the address of the client: behind a proxy name that one in trustProxy'],
  [
    /\bcaches\.default\b|\bcaches\.open\b/,
    'the cache is in memory, of each process; name a redis driver for workerCache to share it',
  ],
  [/\bctx\.passThroughOnException\b/, 'there is no origin to pass through to: it does nothing'],
]

const SOURCE = /\.(?:[cm]?[jt]sx?)$/
const MAX_FILES = 2000

/**
 * The differences from Cloudflare that the Worker's own source code shows, each at its first line per file.
 */
export async function sourceDifferences(
  { source }: WorkerProject,
  projectDir: string,
): Promise<Difference[]> {
  if (source === undefined) return []
  const found: Difference[] = []
  const isFile = (await stat(source)).isFile()
  const folder = isFile ? dirname(source) : source
  const names = (isFile ? [basename(source)] : await readdir(folder, { recursive: true })).filter(
    (name) => SOURCE.test(name) && !/(?:^|[\\/])(?:node_modules|\.[^\\/]+)[\\/]/.test(name),
  )
  for (const name of names.sort().slice(0, MAX_FILES)) {
    const path = join(folder, name)
    const lines = (await readFile(path, 'utf8')).split('\n')
    for (const [pattern, what] of IN_SOURCE) {
      const line = lines.findIndex((text) => pattern.test(text))
      if (line >= 0) found.push({ where: `${relative(projectDir, path)}:${line + 1}`, what })
    }
  }
  return found
}
