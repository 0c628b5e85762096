import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { Log } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import { findImport, findUse, type ImportPosition } from './import-position.ts'
import type { Offence } from './offence.ts'
import { isOwnFile } from './packages.ts'
import { UNSUPPORTED } from './worker/unsupported.ts'
import type { WorkerProject } from './worker/worker.ts'

/** What is known of the module graph after a bundle. */
export interface Graph {
  /** The modules that ended up in the bundle. */
  modules: ReadonlySet<string>
  importers(id: string): readonly string[]
}

interface Options {
  projectDir: string
  target: string
  /** The app's entry. */
  appEntry: string
  log: Log
  /** The existing Worker behind the entry. Default: none. */
  worker?: Pick<WorkerProject, 'main' | 'allow'> | undefined
}

/**
 * Throws one error that names every offence that is reached from the app, with its place and the chain of
 * imports. Unmoor's own run-time code is exempt.
 */
export async function refuseOffences(
  offences: readonly Offence[],
  graph: Graph,
  options: Options,
): Promise<void> {
  const builtins: string[] = []
  const missing: string[] = []
  const unsupported: string[] = []
  for (const offence of offences) {
    if (!graph.modules.has(offence.importer)) continue
    const chain = appChain(offence.importer, graph, options.appEntry)
    if (chain === undefined && offence.kind !== 'missing') continue
    // The entry of a Worker is generated: its own modules begin at its main one.
    const own = chain?.slice(Math.max(0, chain.indexOf(options.worker?.main ?? options.appEntry)))
    const { text, guarded } = await describe(offence, own ?? [offence.importer], options)
    if (offence.kind === 'unsupported') {
      const reason = `${text}: ${UNSUPPORTED[offence.specifier]}.`
      if (guarded || options.worker?.allow.includes(offence.specifier) === true)
        options.log.warn(`${reason} It stays, and fails where it is reached.`)
      else unsupported.push(reason)
    } else if (guarded) {
      if (offence.kind === 'builtin')
        options.log.warn(`${text}: imported only when reached; it would fail there on ${options.target}.`)
    } else if (offence.kind === 'builtin') builtins.push(text)
    else missing.push(`${text}. ${installHint(offence)}`)
  }
  if (missing.length > 0)
    throw new UnmoorError('InvalidArgument', `The app imports what is not there:\n  ${missing.join('\n  ')}`)
  if (unsupported.length > 0) {
    throw new UnmoorError(
      'Unsupported',
      `The Worker uses what no target but Cloudflare has:\n  ${unsupported.join('\n  ')}\n` +
        'Where that code is never reached off Cloudflare, let it stay: --allow NAME, or worker: { ' +
        'config, allow: [NAME] } in unmoor.config.ts.',
    )
  }
  if (builtins.length > 0) {
    throw new UnmoorError(
      'Unsupported',
      `The app imports Node built-ins that the target "${options.target}" does not have:\n  ` +
        `${builtins.join('\n  ')}\n` +
        'Use the web API or a binding instead, replace the package, or build only for targets that have ' +
        'it (node, lambda).',
      { details: { capability: 'node.builtins' } },
    )
  }
}

/** Modules from the app's entry down to `id`, or undefined where only unmoor's own code leads there. */
export function appChain(id: string, graph: Graph, appEntry: string): string[] | undefined {
  const paths = [[id]]
  const seen = new Set([id])
  for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
    const first = path[0] as string
    if (first === appEntry) return path
    if (isOwnFile(first)) continue
    for (const importer of graph.importers(first)) {
      if (seen.has(importer)) continue
      seen.add(importer)
      paths.push([importer, ...path])
    }
  }
  return undefined
}

async function describe(
  offence: Offence,
  chain: readonly string[],
  options: Options,
): Promise<{ text: string; guarded: boolean }> {
  const short = (id: string): string => relative(options.projectDir, id)
  const code = await readFile(offence.importer, 'utf8').catch(() => '')
  const { position, isGlobal, guarded } = await locateOffence(offence, code)
  const place =
    position === undefined
      ? short(offence.importer)
      : `${short(offence.importer)}:${position.line}:${position.column}`
  const through = chain.length < 2 ? '' : ` (${chain.map(short).join(' -> ')})`
  const verb = isGlobal ? `uses ${offence.specifier}` : `imports "${offence.specifier}"`
  return { text: `${place} ${verb}${through}`, guarded }
}

/** Where an offence stands. */
interface OffencePlace {
  position: ImportPosition | undefined
  /** A global is used; else something is imported. */
  isGlobal: boolean
  /**
   * Whether it is reached is known only at run time: libraries guard what they import on demand (an app's own
   * import() is meant), and a module that asks with `typeof` has another way.
   */
  guarded: boolean
}

/** Finds the place of an offence in its module's code. */
export async function locateOffence(
  { kind, specifier, importer }: Offence,
  code: string,
): Promise<OffencePlace> {
  const isGlobal = kind === 'unsupported' && !specifier.includes(':')
  const position = await (isGlobal ? findUse : findImport)(importer, code, specifier)
  return {
    position,
    isGlobal,
    guarded: position?.dynamic === true && (isGlobal || importer.includes('/node_modules/')),
  }
}

/** What to do about a missing import. */
export function installHint({ specifier }: Offence): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(specifier)?.[1]
  if (scheme !== undefined) return `"${scheme}:" modules belong to one platform; use a binding instead.`
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
  return `Run: npm install ${name}`
}
