/** Estimates the monthly bill of an app on a target, from its load and a dated file of prices. */
import { readFile } from 'node:fs/promises'
import { UnmoorError } from '../../errors.ts'
import { PRICES, type Prices, type TargetPrices } from './prices.ts'

/** Monthly load of an app for the estimate of its bill; operations are counted per request. */
export interface Load {
  /** Requests of the app per month. */
  requests: number
  /** Milliseconds of CPU per request of the app. */
  cpuMs: number
  /** Milliseconds from an app's request to its answer, which Lambda bills. */
  wallMs: number
  /** Memory of a Lambda function in MB. */
  memoryMb: number
  kvReads: number
  kvWrites: number
  blobReads: number
  blobWrites: number
  sqlReads: number
  sqlWrites: number
  queueMessages: number
  /** Stored GB of the app's data, by kind of binding. */
  kvGb: number
  blobGb: number
  sqlGb: number
}

/**
 * Default load for the estimated bill: operations per request of an app with all bindings, one read of each
 * and a write in ten requests. Operations of undeclared kinds are set to 0.
 */
export const LOAD: Load = {
  requests: 10_000_000,
  cpuMs: 5,
  wallMs: 50,
  memoryMb: 512,
  kvReads: 1,
  kvWrites: 0.1,
  blobReads: 0.1,
  blobWrites: 0.01,
  sqlReads: 1,
  sqlWrites: 0.1,
  queueMessages: 0.1,
  kvGb: 1,
  blobGb: 10,
  sqlGb: 1,
}

/** One item of an app's estimated monthly bill. */
export interface CostLine {
  item: string
  amount: number
}

/**
 * Reads a user's price file for the estimated bill, which replaces the package's own prices target by target.
 *
 * @throws `InvalidArgument` naming the fault in the file.
 */
export async function readPrices(path: string): Promise<Prices> {
  let given: Partial<Prices>
  try {
    given = JSON.parse(await readFile(path, 'utf8')) as Partial<Prices>
  } catch (cause) {
    throw new UnmoorError(
      'InvalidArgument',
      `${path} is no JSON file of prices: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        operation: 'config',
        cause,
      },
    )
  }
  const own = PRICES
  if (typeof given.read !== 'string')
    throw new UnmoorError(
      'InvalidArgument',
      `${path}: "read" is missing: the day on which the prices were read, such as "2026-11-01".`,
      {
        operation: 'config',
      },
    )
  // `sources` of the prices is emptied, as unmoor's own sources do not cover the user's prices.
  const merged: Record<string, unknown> = { ...own, sources: [], ...given }
  for (const target of ['cloudflare', 'lambda', 'node', 'isolate'])
    merged[target] = { ...(own[target] as TargetPrices), ...(given[target] as TargetPrices | undefined) }
  for (const [target, prices] of Object.entries(merged)) {
    if (typeof prices !== 'object' || prices === null || Array.isArray(prices)) continue
    for (const [name, price] of Object.entries(prices as TargetPrices)) {
      const numbers =
        typeof price === 'number' ? [price] : [price?.included, 'gb' in price ? price.gb : price?.million]
      if (numbers.some((number) => typeof number !== 'number' || !(number >= 0)))
        throw new UnmoorError(
          'InvalidArgument',
          `${path}: ${target}.${name} is a number, { "included": millions, "million": price } or { ` +
            '"included": GB, "gb": price }, not below 0.',
          {
            operation: 'config',
          },
        )
    }
  }
  return merged as Prices
}

const OPERATIONS: readonly (keyof Load)[] = [
  'kvReads',
  'kvWrites',
  'blobReads',
  'blobWrites',
  'sqlReads',
  'sqlWrites',
  'queueMessages',
]
const LABELS: Readonly<Partial<Record<keyof Load, string>>> = {
  kvReads: 'kv reads',
  kvWrites: 'kv writes',
  blobReads: 'blob reads',
  blobWrites: 'blob writes',
  sqlReads: 'sql rows read',
  sqlWrites: 'sql rows written',
  queueMessages: 'queue messages',
}

/** Computes an app's bill for a month; undefined for a target without prices. */
export function monthlyCost(target: string, load: Load, prices: Prices): CostLine[] | undefined {
  const own = prices[target] as TargetPrices | undefined
  if (own === undefined) return undefined
  const lines: CostLine[] = []
  const add = (item: string, amount: number): void =>
    void (amount > 0 && lines.push({ item, amount: Math.round(amount * 100) / 100 }))
  const number = (name: string): number => (typeof own[name] === 'number' ? own[name] : 0)
  const metered = (name: string, millions: number): number => {
    const price = own[name]
    return typeof price === 'object' && 'million' in price
      ? Math.max(0, millions - price.included) * price.million
      : 0
  }
  const stored = (name: string, gb: number): number => {
    const price = own[name]
    return typeof price === 'object' && 'gb' in price ? Math.max(0, gb - price.included) * price.gb : 0
  }
  const millions = load.requests / 1e6
  if (own['machineMonth'] !== undefined) {
    // The number of billed machines follows from the requests' CPU time and the planned utilisation of a
    // machine.
    const seconds = (load.requests * load.cpuMs) / 1000
    const machines = Math.max(1, Math.ceil(seconds / (30 * 86_400 * number('cores') * number('use'))))
    add(`${machines} machine${machines === 1 ? '' : 's'}`, machines * number('machineMonth'))
    add('storage', (load.kvGb + load.blobGb + load.sqlGb) * number('storageGb'))
    return lines
  }
  add('base price', number('month'))
  add('requests', metered('requests', millions))
  add('CPU time', metered('cpuMs', millions * load.cpuMs))
  add('GB-seconds', load.requests * (load.wallMs / 1000) * (load.memoryMb / 1024) * number('gbSeconds'))
  for (const operation of OPERATIONS)
    add(LABELS[operation] as string, metered(operation, millions * load[operation]))
  if (load.sqlReads + load.sqlWrites > 0) add('database', number('sqlMonth'))
  add('kv storage', stored('kvGb', load.kvGb))
  add('blob storage', stored('blobGb', load.blobGb))
  add('sql storage', stored('sqlGb', load.sqlGb))
  return lines
}

export function total(lines: readonly CostLine[]): number {
  return Math.round(lines.reduce((sum, { amount }) => sum + amount, 0) * 100) / 100
}
