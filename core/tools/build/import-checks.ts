import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { Log } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import { findImport, findUse, type ImportPosition } from './import-position.ts'
import { packageFolder } from './native-packages.ts'
import { isInstalled, type Offence, throwsOnWorkers } from './offence.ts'
import { isOwnFile } from './packages.ts'
import { neededSocket } from './socket-clients.ts'
import { UNSUPPORTED } from './worker/unsupported.ts'
import type { WorkerProject } from './worker/worker.ts'

/** The bundler's module graph after bundling. */
export interface Graph {
  /** Ids of the modules in the bundle's module graph. */
  modules: ReadonlySet<string>
  importers(id: string): readonly string[]
}

interface Options {
  projectDir: string
  target: string
  /** Absolute path of the app's entry module, at which chains of imports start. */
  appEntry: string
  log: Log
  /** The existing Worker that the app's entry wraps. Default: none. */
  worker?: Pick<WorkerProject, 'main' | 'allow' | 'functions'> | undefined
}

/**
 * Throws one error that lists every offence (a use of something that the target lacks) reachable from the
 * app, with its place and chain of imports. An offence that the app can do without becomes a warning.
 * Unmoor's own run-time code is exempt.
 */
export async function refuseOffences(
  offences: readonly Offence[],
  graph: Graph,
  options: Options,
): Promise<void> {
  const refused: Record<Offence['kind'], string[]> = { builtin: [], missing: [], native: [], unsupported: [] }
  // Warnings about imports that the target lacks, by package and consequence: one library may try to import a
  // dozen optional packages.
  const warnings = new Map<string, { text: string; others: Set<string> }>()
  // Imports that the target lacks are sorted by place, since the bundler resolves imports in no fixed order.
  const byPlace = (a: Offence, b: Offence): number =>
    a.importer === b.importer ? compare(a.specifier, b.specifier) : compare(a.importer, b.importer)
  for (const offence of offences.toSorted(byPlace)) {
    const { kind, specifier, importer } = offence
    if (!graph.modules.has(importer)) continue
    const chain = appChain(importer, graph, options.appEntry)
    if (chain === undefined && kind !== 'missing') continue
    // A Worker's entry module is generated, so the reported chain of imports starts at the Worker's main
    // module, or below the generated routes.
    const routes = chain?.indexOf(options.worker?.functions?.routesFile ?? '') ?? -1
    const main = chain?.indexOf(options.worker?.main ?? options.appEntry) ?? 0
    const own = chain?.slice(routes < 0 ? Math.max(0, main) : routes + 1)
    const { text, tolerated, caught } = await describe(offence, own ?? [importer], options)
    // An optional import of a package that only unmoor uses is no reason to tell the user to install it.
    if (tolerated && chain === undefined && !isOwnFile(importer)) continue
    const isAllowed = kind === 'unsupported' && options.worker?.allow.includes(specifier) === true
    const reason = kind === 'unsupported' ? `${text}: ${UNSUPPORTED[specifier]}.` : text
    if (!tolerated && !isAllowed) refused[kind].push(reason + hintFor(offence))
    else {
      const end = consequence(offence, caught, options.target)
      const key = `${packageFolder(importer) ?? importer} ${kind === 'unsupported' ? specifier : end}`
      const known = warnings.get(key)
      if (known === undefined) warnings.set(key, { text: reason + end, others: new Set() })
      else if (!known.text.includes(`"${specifier}"`)) known.others.add(`"${specifier}"`)
    }
  }
  for (const { text, others } of warnings.values())
    options.log.warn(others.size === 0 ? text : `${text} So do ${[...others].join(', ')}.`)
  throwRefused(refused, options.target)
}

function hintFor(offence: Offence): string {
  const hint = neededSocket(offence) ?? (offence.kind === 'missing' ? installHint(offence) : undefined)
  return hint === undefined ? '' : `. ${hint}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** End of a build's warning: what happens at run time to an import that stays in the bundle. */
function consequence({ kind, specifier }: Offence, caught: boolean, target: string): string {
  switch (kind) {
    case 'unsupported':
      return ' It stays, and fails where it is reached.'
    case 'missing':
      return specifier.includes(':')
        ? `, which ${target} does not have: the import fails when it is reached.`
        : ', which is not installed: the import fails when it is reached.'
    case 'native':
      return `, which has machine code that ${target} does not run: the import fails when it is reached.`
    case 'builtin':
      return caught
        ? `: ${target} does not have it, and the import fails when it is reached.`
        : `: ${target} does not have it, and what uses it throws Unsupported when it is reached.`
  }
}

function throwRefused(refused: Readonly<Record<Offence['kind'], readonly string[]>>, target: string): void {
  const { missing, unsupported, builtin, native } = refused
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
  if (native.length > 0)
    throw new UnmoorError(
      'Unsupported',
      'The app imports packages with machine code, or that the config leaves out of the bundle ("external"), ' +
        `and an artifact of the target "${target}" installs none:\n  ${native.join('\n  ')}\n` +
        'Use a package in JavaScript or WebAssembly, or build only for targets that install them (node, ' +
        'lambda).',
      { details: { capability: 'node.builtins' } },
    )
  if (builtin.length > 0) {
    throw new UnmoorError(
      'Unsupported',
      `The app imports Node built-ins that the target "${target}" does not have:\n  ` +
        `${builtin.join('\n  ')}\n` +
        'Use the web API or a binding instead, or build only for targets that have it (node, lambda).',
      { details: { capability: 'node.builtins' } },
    )
  }
}

/**
 * Chain of imports from the app's entry to the module `id`; undefined if only unmoor's own code imports `id`.
 */
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
): Promise<{ text: string; tolerated: boolean; caught: boolean }> {
  const short = (id: string): string => relative(options.projectDir, id)
  const code = await readFile(offence.importer, 'utf8').catch(() => '')
  const { position, isGlobal, tolerated } = await locateOffence(offence, code, options.worker !== undefined)
  const place =
    position === undefined
      ? short(offence.importer)
      : `${short(offence.importer)}:${position.line}:${position.column}`
  const through = chain.length < 2 ? '' : ` (${chain.map(short).join(' -> ')})`
  const verb = isGlobal ? `uses ${offence.specifier}` : `imports "${offence.specifier}"`
  return { text: `${place} ${verb}${through}`, tolerated, caught: position?.caught === true }
}

/** The place in a module of an offence, a use of something that the target lacks. */
interface OffencePlace {
  position: ImportPosition | undefined
  /** True if the offence against the target is the use of a global, false if it is an import. */
  isGlobal: boolean
  /**
   * True if the app may do without the import, which only run time can tell: an import whose failure is
   * caught, a lazy import of an installed package, a built-in that an installed package imports (except for
   * clients that need it), a built-in whose functions throw on Cloudflare too, imported by a Worker, and a
   * module that checks with `typeof`. An app's own `import()` is always needed.
   */
  tolerated: boolean
}

/** Finds the position in a module's code of an offence, a use of something that the target lacks. */
export async function locateOffence(offence: Offence, code: string, isWorker = false): Promise<OffencePlace> {
  const { kind, specifier, importer } = offence
  const isGlobal = kind === 'unsupported' && !specifier.includes(':')
  const position = await (isGlobal ? findUse : findImport)(importer, code, specifier)
  const onDemand = position?.dynamic === true
  const isNeeded = neededSocket(offence, isWorker) !== undefined
  const byPackage = isInstalled(importer) && (kind === 'builtin' || onDemand) && !isNeeded
  const byWorker = isWorker && kind === 'builtin' && throwsOnWorkers(specifier)
  const isCaught = position?.caught === true && kind !== 'unsupported' && !isNeeded
  return { position, isGlobal, tolerated: byPackage || byWorker || isCaught || (isGlobal && onDemand) }
}

/** Advice for an import of a missing module, such as the install command. */
export function installHint({ specifier }: Offence): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(specifier)?.[1]
  if (scheme !== undefined) return `"${scheme}:" modules belong to one platform; use a binding instead.`
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
  return `Run: npm install ${name}`
}
