import { readFile } from 'node:fs/promises'
import { existsSync, globSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import type { Area } from './areas.ts'

/** One run: a file with one of its variants. */
export interface TestRun {
  /** Path below the checkout, and the variant: `url/a.any.js?1-1000`. */
  readonly id: string
  readonly path: string
  /** The query of the run's address: `?1-1000`, or nothing. */
  readonly variant: string
  readonly scripts: readonly string[]
  readonly timeoutSeconds: number
}

/**
 * Scopes that are like ours. A file for windows only needs a document, one for shadow realms a smaller API.
 */
const SCOPES = /worker|jsshell/

/** The `.any.js` files of an area, in order, with what their META lines say. */
export async function listRuns(root: string, area: Area): Promise<TestRun[]> {
  const paths = area.folders.flatMap((folder) => globSync(`${folder}/**/*.any.js`, { cwd: root })).toSorted()
  const runs = await Promise.all(
    paths.map(async (path) => toRuns(path, await readFile(join(root, path), 'utf8'))),
  )
  return runs.flat()
}

function toRuns(path: string, source: string): TestRun[] {
  const meta = (key: string): string[] =>
    Array.from(source.matchAll(new RegExp(`^//\\s*META:\\s*${key}=(.*)$`, 'gm')), (match) =>
      (match[1] as string).trim(),
    )
  if (!SCOPES.test(meta('global')[0] ?? 'window,dedicatedworker')) return []
  const scripts = meta('script').map((script) => below(path, script))
  const timeoutSeconds = meta('timeout').includes('long') ? 60 : 10
  const variants = meta('variant')
  return (variants.length === 0 ? [''] : variants).map((variant) => ({
    id: path + variant,
    path,
    variant,
    scripts,
    timeoutSeconds,
  }))
}

/** Paths that the suite's own server answers with another file. */
const REWRITES: Readonly<Record<string, string>> = {
  'resources/WebIDLParser.js': 'resources/webidl2/lib/webidl2.js',
}

/** A path that a file names: absolute ones are below the checkout. */
function below(path: string, name: string): string {
  const file = name.startsWith('/') ? name.slice(1) : posix.join(posix.dirname(path), name)
  return REWRITES[file] ?? file
}

const DATA = /["'`]([^"'`\s]+\.(?:json|idl|txt|wasm|webm|mp4|vtt))["'`]/g
const WORD = /["']([\w-]+)["']/g

/** Names of data files in the sources; what `idl_test` takes are names of interface files. */
function namesIn(sources: readonly string[]): string[] {
  const find = (pattern: RegExp, toName: (word: string) => string): string[] =>
    sources.flatMap((source) => Array.from(source.matchAll(pattern), (match) => toName(match[1] as string)))
  const isIdl = sources.at(-1)?.includes('idl_test(') === true
  return [...find(DATA, (name) => name), ...(isIdl ? find(WORD, (word) => `/interfaces/${word}.idl`) : [])]
}

/** Files that a run's sources name and may fetch, as base64 by the name they use. */
export async function embedded(
  root: string,
  run: TestRun,
  sources: readonly string[],
): Promise<Record<string, string>> {
  const names = new Set(namesIn(sources))
  const found: Record<string, string> = {}
  for (const name of names) {
    const file = join(root, below(run.path, name))
    if (existsSync(file) && dirname(file).startsWith(root))
      found[name] = (await readFile(file)).toString('base64')
  }
  return found
}
