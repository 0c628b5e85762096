import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { parseSync } from 'rolldown/utils'
import type { Adapter } from '../../adapter.ts'
import {
  checkOptions,
  type CheckedOptions,
  type DriverOptionTables,
  type OptionType,
} from '../../option-table.ts'
import { configError } from './config-check.ts'
import { fromSource, resolveFrom } from './packages.ts'

type Program = ReturnType<typeof parseSync>['program']
type Exported = NonNullable<
  Extract<Program['body'][number], { type: 'ExportNamedDeclaration' }>['declaration']
>
type Expression = NonNullable<
  Extract<Exported, { type: 'VariableDeclaration' }>['declarations'][number]['init']
>
type Property = Extract<Expression, { type: 'ObjectExpression' }>['properties'][number]

/** A driver that the config names, with its place in the config. */
export interface NamedDriver {
  readonly driver: string
  /** Module of the driver: a public name of unmoor, an absolute path or a package. */
  readonly module: string
  readonly kind: string
  /** Place of the driver in the config, such as `targets.node.drivers.stats`. */
  readonly path: string
}

/**
 * Checks a driver's options against the option table that the driver exports, and converts old names and
 * units.
 *
 * @throws `InvalidArgument` (operation `config`) for a wrong option, naming its place and the nearest right
 * name.
 */
export async function checkDriverOptions(
  named: NamedDriver,
  options: Readonly<Record<string, unknown>>,
  { adapter, projectDir }: { adapter: Adapter; projectDir: string },
): Promise<CheckedOptions> {
  const tables = adapter.driverOptions?.[named.driver] ?? (await statedOptions(named, projectDir))
  const table = tables !== undefined && Object.hasOwn(tables, named.kind) ? tables[named.kind] : undefined
  if (table === undefined) return { options, warnings: [] }
  return checkOptions(options, table, {
    path: named.path,
    owner: `the driver "${named.driver}"`,
    environment: true,
    refuse: (message) => {
      throw configError(`unmoor.config.ts: ${message}`)
    },
  })
}

/** The option tables that a driver's module exports; undefined if there are none, or not as a literal. */
async function statedOptions(
  { driver, module }: NamedDriver,
  projectDir: string,
): Promise<DriverOptionTables | undefined> {
  if (module === `unmoor/drivers/${driver}`) return builtInTables(driver)
  const path = isAbsolute(module) ? module : installedFile(module, projectDir)
  if (path === undefined || !existsSync(path)) return undefined
  const { parseSync } = await import('rolldown/utils')
  return exportedLiteral(parseSync(path, readFileSync(path, 'utf8')).program)
}

/**
 * The main file of a driver package. A package without a main file for Node can state its options only in its
 * types.
 */
function installedFile(module: string, projectDir: string): string | undefined {
  try {
    return resolveFrom(projectDir, module)
  } catch {
    return undefined
  }
}

/** Loads the option tables of a driver that unmoor ships, from its `options.ts`. */
async function builtInTables(driver: string): Promise<DriverOptionTables | undefined> {
  const url = new URL(
    `../../../adapters/drivers/${driver}/options.${fromSource ? 'ts' : 'js'}`,
    import.meta.url,
  )
  return ((await import(/* @vite-ignore */ url.href)) as { options?: DriverOptionTables }).options
}

/**
 * Reads `export const options = { ... }` of a driver's module if it consists of literals. A build does not
 * run the driver's module.
 */
function exportedLiteral({ body }: Program): DriverOptionTables | undefined {
  for (const statement of body) {
    if (statement.type !== 'ExportNamedDeclaration' || statement.declaration?.type !== 'VariableDeclaration')
      continue
    for (const { id, init } of statement.declaration.declarations) {
      if (id.type === 'Identifier' && id.name === 'options' && init !== null) return asTables(literal(init))
    }
  }
  return undefined
}

const NOT_LITERAL = Symbol('not literal')

function literal(node: Expression): unknown {
  switch (node.type) {
    case 'TSSatisfiesExpression':
    case 'TSAsExpression':
    case 'ParenthesizedExpression':
      return literal(node.expression)
    case 'Literal':
      return 'value' in node ? node.value : NOT_LITERAL
    case 'ArrayExpression':
      return whole(
        node.elements.map((item) =>
          item === null || item.type === 'SpreadElement' ? NOT_LITERAL : literal(item),
        ),
      )
    case 'ObjectExpression': {
      const entries = node.properties.map(literalProperty)
      return entries.some((entry) => entry === undefined || entry[1] === NOT_LITERAL)
        ? NOT_LITERAL
        : Object.fromEntries(entries.filter((entry) => entry !== undefined))
    }
    default:
      return NOT_LITERAL
  }
}

function literalProperty(property: Property): [string, unknown] | undefined {
  if (property.type !== 'Property' || property.computed) return undefined
  const { key } = property
  const name =
    key.type === 'Identifier'
      ? key.name
      : key.type === 'Literal' && 'value' in key
        ? String(key.value)
        : undefined
  return name === undefined ? undefined : [name, literal(property.value)]
}

function whole(items: unknown[]): unknown {
  return items.includes(NOT_LITERAL) ? NOT_LITERAL : items
}

/** Returns a driver's exported `options` if they have the shape of option tables, else undefined. */
function asTables(value: unknown): DriverOptionTables | undefined {
  return isTable(value) &&
    Object.values(value).every((table) => isTable(table) && Object.values(table).every(isOptionType))
    ? (value as DriverOptionTables)
    : undefined
}

const NAMES: readonly unknown[] = ['string', 'boolean', 'object', 'list', 'driver']

function isOptionType(value: unknown): value is OptionType {
  if (NAMES.includes(value)) return true
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string')
  if (!isTable(value)) return false
  if (typeof value['number'] === 'string' || typeof value['renamed'] === 'string') return true
  return isTable(value['options']) && Object.values(value['options']).every(isOptionType)
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
