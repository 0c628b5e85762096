import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { DriverFactory } from '../../../bindings/drivers.ts'
import { builtInDrivers } from '../../build/drivers.ts'
import { UnmoorError } from '../../../errors.ts'
import type { DriverKind } from './driver-case.ts'

/** Kinds that a driver may serve, in the order of reports. */
const KINDS: readonly DriverKind[] = [
  'kv',
  'strongKv',
  'blob',
  'sql',
  'queue',
  'cache',
  'secret',
  'service',
  'assets',
]

/** A driver's factories. Options are each driver's own. */
// oxlint-disable-next-line typescript/no-explicit-any -- checked by the factory
export type Factories = { readonly [Kind in DriverKind]?: DriverFactory<Kind, any> }

/** A driver to test. */
export interface DriverModule {
  /** As it was asked for. */
  readonly name: string
  /** What a config names it: a built-in name, an absolute path, or a package. */
  readonly specifier: string
  readonly builtIn: boolean
  readonly kinds: readonly DriverKind[]
  readonly factories: Factories
}

/**
 * Loads a driver: a built-in name, a path from the working folder, or an installed package.
 *
 * @throws `NotFound` saying what there is; `InvalidArgument` for a module without factories.
 */
export async function loadDriver(name: string): Promise<DriverModule> {
  const builtIn = builtInDrivers().includes(name)
  const path = builtIn ? ownPath(name) : findModule(name)
  // What a module exports is its author's word; only functions named after a kind are taken.
  const factories = (await import(pathToFileURL(path).href)) as Factories
  const kinds = KINDS.filter((kind) => typeof factories[kind] === 'function')
  if (kinds.length === 0)
    throw new UnmoorError(
      'InvalidArgument',
      `The driver "${name}" exports no factory. It should export one per kind that it serves: ` +
        `${KINDS.join(', ')}.`,
      {
        operation: 'config',
      },
    )
  return { name, specifier: name.startsWith('.') ? path : name, builtIn, kinds, factories }
}

/** From source (tests) the module is a .ts file, in the package a .js file. */
function ownPath(name: string): string {
  return fileURLToPath(
    new URL(
      `../../../../adapters/drivers/${name}/index.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`,
      import.meta.url,
    ),
  )
}

function findModule(name: string): string {
  if (name.startsWith('.') || isAbsolute(name)) {
    const path = resolve(name)
    if (existsSync(path)) return path
  } else {
    try {
      return createRequire(join(process.cwd(), 'package.json')).resolve(name)
    } catch {
      // Named below.
    }
  }
  throw new UnmoorError(
    'NotFound',
    `There is no driver "${name}". Name one of ${builtInDrivers().join(', ')}, the path of a module, or ` +
      'an installed package.',
    {
      operation: 'config',
    },
  )
}
