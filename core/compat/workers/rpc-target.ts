/**
 * Base class of objects that are passed to other Workers by reference and take their calls; see
 * `WorkerEntrypoint`.
 */
// oxlint-disable-next-line typescript/no-extraneous-class -- its instances are told by their class
export class RpcTarget {}

type Method = (...args: unknown[]) => unknown

const RESERVED: ReadonlySet<string> = new Set([
  'constructor',
  'fetch',
  'connect',
  'dup',
  'alarm',
  'webSocketMessage',
  'webSocketClose',
  'webSocketError',
  'queue',
  'scheduled',
  'tail',
])

/**
 * Returns a method of an entrypoint, object or RpcTarget that a remote caller may call, bound to its
 * instance.
 *
 * @throws `TypeError` as Workers do, for names that are not on the class (own properties are private) and for
 * reserved names.
 */
export function remoteMethod(instance: object, name: string): unknown {
  if (RESERVED.has(name)) throw new TypeError(`'${name}' is a reserved method and cannot be called over RPC.`)
  const isOwn = Object.hasOwn(instance, name)
  const value =
    isOwn || !(name in instance) || name in Object.prototype
      ? undefined
      : (instance as Record<string, unknown>)[name]
  if (value === undefined) throw new TypeError(`The RPC receiver does not implement the method "${name}".`)
  return typeof value === 'function' ? (value as Method).bind(instance) : value
}
