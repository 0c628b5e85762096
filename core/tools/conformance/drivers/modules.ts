import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { DriverFactory } from '../../../bindings/drivers.ts'
import { builtInDrivers } from '../../build/drivers.ts'
import { UnmoorError } from '../../../errors.ts'
import type { DriverKind } from './driver-case.ts'

/** Kinds of bindings that a driver under test may serve, in the order of reports. */
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

/**
 * The factories that a driver's module exports, by kind of binding. The type of their options differs per
 * driver.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- checked by the factory
export type Factories = { readonly [Kind in DriverKind]?: DriverFactory<Kind, any> }

/** A loaded module of a driver to test. */
export interface DriverModule {
  /** Name of the driver to test as the caller gave it. */
  readonly name: string
  /** The driver's name in a config: a built-in name, an absolute path, or a package. */
  readonly specifier: string
  readonly builtIn: boolean
  readonly kinds: readonly DriverKind[]
  readonly factories: Factories
}

/**
 * Loads the module of a driver to test: a built-in name, a path from the working folder, or an installed
 * package.
 *
 * @throws `NotFound` listing the built-in drivers; `InvalidArgument` for a module without factories.
 */
export async function loadDriver(name: string): Promise<DriverModule> {
  const builtIn = builtInDrivers().includes(name)
  const path = builtIn ? ownPath(name) : findModule(name)
  // The cast of the driver's module is unchecked, but only functions that are named after a kind are used.
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

/**
 * Returns the path of a built-in driver's module: a .ts file when run from source (tests), a .js file in the
 * package.
 */
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
      // If a driver package is not found, `NotFound` is thrown after the search, with the driver's name.
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
