/**
 * `unmoor/internal/strict` makes drivers as harsh as the strictest target, so that an app that works with
 * them works everywhere. Builds with `strict` wrap each driver's factory. Limits and the shortest time to
 * live are enforced with every driver, so they need no wrapper.
 */
import type { DriverContext, DriverOf } from '../../bindings/drivers.ts'
import { leakyCache } from './cache.ts'
import { staleKv } from './kv.ts'
import { harshQueue } from './queue.ts'
import { type Random, seededRandom } from './random.ts'
import { portableSql } from './sql.ts'

type Wrap<Kind extends keyof DriverOf> = (
  driver: DriverOf[Kind],
  random: Random,
  now: () => number,
) => DriverOf[Kind]

const WRAPS: { readonly [Kind in keyof DriverOf]?: Wrap<Kind> } = {
  kv: staleKv,
  queue: harshQueue,
  cache: leakyCache,
  sql: portableSql,
}

type Create<Kind extends keyof DriverOf> = (
  // oxlint-disable-next-line typescript/no-explicit-any -- a driver's own options, which its factory checks
  options: any,
  context: DriverContext,
) => DriverOf[Kind] | Promise<DriverOf[Kind]>

/**
 * Wraps a driver's factory for strict builds so that its drivers are harsh. The same seed and binding lead to
 * the same random choices. Kinds that behave alike on all targets are not wrapped.
 */
export function strict<Kind extends keyof DriverOf>(
  kind: Kind,
  create: Create<Kind>,
  seed: number,
): Create<Kind> {
  const wrap = WRAPS[kind]
  if (wrap === undefined) return create
  return async (options, context) =>
    wrap(await create(options, context), seededRandom(seed, context.binding), () => context.now())
}
