import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { Adapter, DriverSpec } from '../../adapter.ts'
import { driverKind } from '../../bindings/declarations.ts'
import type { DriverOf } from '../../bindings/drivers.ts'
import type { AnyConfig } from '../../config.ts'
import type { Manifest } from '../../manifest.ts'
import { configError } from './config-check.ts'
import { didYouMean } from '../../option-table.ts'
import { checkDriverOptions } from './driver-options.ts'
import { checkSharedPlace, chosenEnvironment } from './environments.ts'
import { packageRoot, resolvePublicName } from './packages.ts'
import { checkSockets } from './socket-check.ts'

/** A binding's driver on one target, and the module that implements the driver. */
export interface ResolvedDriver {
  kind: keyof DriverOf
  spec: DriverSpec
  /** Module of the driver: a public name of unmoor, an absolute path, or a package name. */
  module: string
}

/**
 * Resolves the driver of every binding except variables: the config's choice for the target, else its choice
 * for all targets, else the adapter's default.
 *
 * @throws `InvalidArgument` (operation `config`), listing the valid names, for an undeclared binding, an
 * unknown driver, a driver that does not serve the kind, and a kind without default; `Unsupported` for
 * sockets on a target that has none.
 */
export async function resolveDrivers(
  manifest: Manifest,
  adapter: Adapter,
  config: AnyConfig,
  projectDir: string,
  warn: (message: string) => void = () => {},
): Promise<Record<string, ResolvedDriver>> {
  const forTarget = config.targets?.[adapter.name]?.drivers ?? {}
  const forAll = config.drivers ?? {}
  const environment = chosenEnvironment(config)
  for (const binding of [...Object.keys(forAll), ...Object.keys(forTarget)])
    checkName(binding, driverPath(config, adapter.name, binding), manifest)
  await checkSockets(manifest, adapter, projectDir)
  const resolved: Record<string, ResolvedDriver> = {}
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    const kind = driverKind(declaration)
    if (kind === undefined) continue
    const named = forTarget[binding] ?? forAll[binding] ?? adapter.defaultDrivers[declaration.kind]
    if (named === undefined) {
      throw configError(
        `The target "${adapter.name}" has no default driver for the ${declaration.kind} binding ` +
          `"${binding}". Name one in unmoor.config.ts: targets.${adapter.name}.drivers.${binding}.`,
      )
    }
    const spec: DriverSpec = typeof named === 'string' ? { driver: named } : named
    const path = driverPath(config, adapter.name, binding)
    const { driver, ...given } = spec
    const module = driverModule(driver, path, adapter, projectDir)
    const inConfig = binding in forTarget || binding in forAll
    await checkKind(
      driver,
      module,
      kind,
      `${inConfig ? `unmoor.config.ts: ${path}: ` : ''}Binding "${binding}"`,
    )
    const { options, warnings } = await checkDriverOptions({ driver, module, kind, path }, given, {
      adapter,
      projectDir,
    })
    for (const warning of warnings) warn(warning)
    if (environment !== undefined && !path.startsWith('environments.'))
      checkSharedPlace({ driver, ...options }, kind, { path, binding, environment: environment.name })
    resolved[binding] = { kind, spec: { driver, ...options }, module }
  }
  return resolved
}

/**
 * Path of the config key that decides a binding's driver: keys of the environment override shared ones, and
 * in either place, keys of the target override those for all targets.
 */
function driverPath(config: AnyConfig, target: string, binding: string): string {
  const environment = chosenEnvironment(config)
  const has = (drivers: AnyConfig['drivers']): boolean => drivers?.[binding] !== undefined
  if (environment !== undefined) {
    const { name, own } = environment
    if (has(own.targets?.[target]?.drivers))
      return `environments.${name}.targets.${target}.drivers.${binding}`
    if (has(own.drivers)) return `environments.${name}.drivers.${binding}`
  }
  return has(config.targets?.[target]?.drivers)
    ? `targets.${target}.drivers.${binding}`
    : `drivers.${binding}`
}

function checkName(name: string, key: string, manifest: Manifest): void {
  const kind = Object.hasOwn(manifest.bindings, name) ? manifest.bindings[name]?.kind : undefined
  if (kind === 'variable')
    throw configError(
      `unmoor.config.ts: ${key}: "${name}" is a variable, which has no driver. Set it in the ` +
        'environment.',
    )
  if (kind !== undefined) return
  const declared = Object.keys(manifest.bindings).join(', ') || 'none'
  throw configError(
    `unmoor.config.ts: ${key}: the app declares no binding ` +
      `"${name}".${didYouMean(name, Object.keys(manifest.bindings))} Declared: ${declared}.`,
  )
}

/** Names of the drivers that unmoor ships. */
export function builtInDrivers(): string[] {
  const folder = join(packageRoot, 'dist/adapters/drivers')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'index.js')))
    .sort()
}

function driverModule(driver: string, place: string, adapter: Adapter, projectDir: string): string {
  const own = adapter.drivers?.[driver]
  if (own !== undefined) return own
  if (builtInDrivers().includes(driver)) return `unmoor/drivers/${driver}`
  if (driver.startsWith('.') || isAbsolute(driver)) {
    const path = resolve(projectDir, driver)
    if (!existsSync(path)) throw configError(`unmoor.config.ts: ${place}: there is no driver module ${path}.`)
    return path
  }
  if (installed(driver, projectDir)) return driver
  const names = [...new Set([...Object.keys(adapter.drivers ?? {}), ...builtInDrivers()])]
  throw configError(
    `unmoor.config.ts: ${place}: there is no driver "${driver}".${didYouMean(driver, names)} Drivers ` +
      `for "${adapter.name}": ${names.join(', ')}; or the path or name of an installed package of your ` +
      'own.',
  )
}

function installed(specifier: string, projectDir: string): boolean {
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
  for (let dir = projectDir; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'node_modules', name, 'package.json'))) return true
    if (dir === dirname(dir)) return false
  }
}

/**
 * Checks that a driver module exports a factory for `kind`. The exports are read from the source text, so the
 * module is not run.
 */
async function checkKind(driver: string, module: string, kind: keyof DriverOf, place: string): Promise<void> {
  const path = isAbsolute(module) ? module : resolvePublicName(module)
  if (path === undefined) return
  const exported = await exportedNames(path)
  if (exported === undefined || exported.includes(kind)) return
  const serves = exported.filter((name) => KINDS.has(name)).join(', ') || 'nothing'
  const what = LONG_NAMES[kind] ?? kind
  throw configError(
    `${place} is a ${what}, which the driver "${driver}" does not serve. It serves: ${serves}.`,
  )
}

/** Names, in error messages, of binding kinds that an app declares by an option of another kind. */
const LONG_NAMES: Readonly<Partial<Record<keyof DriverOf, string>>> = {
  strongKv: 'kv with strong consistency (strongKv)',
  ticketedSockets: 'sockets binding with tickets (ticketedSockets)',
}

const KINDS: ReadonlySet<string> = new Set<keyof DriverOf>([
  'kv',
  'strongKv',
  'blob',
  'sql',
  'queue',
  'cache',
  'secret',
  'service',
  'assets',
  'objects',
  'counter',
  'sockets',
  'ticketedSockets',
])
const seen = new Map<string, string[] | undefined>()

/** Names that a driver's module exports; undefined if the source text alone does not tell (`export *`). */
async function exportedNames(path: string): Promise<string[] | undefined> {
  if (seen.has(path)) return seen.get(path)
  const { parseSync } = await import('rolldown/utils')
  const { staticExports } = parseSync(path, readFileSync(path, 'utf8')).module
  const entries = staticExports.flatMap((statement) => statement.entries)
  const unknown = entries.some((entry) => entry.exportName.kind === 'None')
  const names = unknown
    ? undefined
    : entries.flatMap((entry) =>
        entry.exportName.name === null || entry.exportName.name === undefined ? [] : [entry.exportName.name],
      )
  seen.set(path, names)
  return names
}

/**
 * Generates import statements for the drivers and their portable classes, and an object literal
 * `{ name: { create, options, portable } }`. `strict` is the seed of a strict build, in which each driver is
 * wrapped to be harsh (`core/runtime/strict`). With `dataRoute`, queues let the data route operate them.
 */
export function driverImports(
  drivers: Readonly<Record<string, ResolvedDriver>>,
  strict?: number,
  dataRoute = false,
): { imports: string; object: string } {
  const names = new Map<string, string>()
  const imports: string[] = []
  const imported = (name: string, module: string): string => {
    const id = `${name} ${module}`
    const known = names.get(id)
    if (known !== undefined) return known
    const local = `unmoor${names.size}`
    names.set(id, local)
    imports.push(`import { ${name} as ${local} } from ${JSON.stringify(module)}`)
    return local
  }
  const entries = Object.entries(drivers).map(([binding, { kind, spec, module }]) => {
    const portable = imported(
      `portable${kind[0]?.toUpperCase()}${kind.slice(1)}`,
      dataRoute && kind === 'queue' ? 'unmoor/internal/data-route' : 'unmoor/runtime',
    )
    const factory = imported(kind, module)
    const create =
      strict === undefined
        ? factory
        : `${imported('strict', 'unmoor/internal/strict')}(${JSON.stringify(kind)}, ${factory}, ${strict})`
    return (
      `${JSON.stringify(binding)}: { create: ${create}, options: ${JSON.stringify(spec)}, ` +
      `portable: ${portable} }`
    )
  })
  return { imports: imports.join('\n'), object: `{ ${entries.join(', ')} }` }
}
