/**
 * Property names that code probes on any object to learn its type; probing them on a Worker's env is no sign
 * of a missing binding.
 */
const ASKED: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  '$$typeof',
  'nodeType',
  'tagName',
  'asymmetricMatch',
])

/**
 * Largest number of names missing in a Worker's env to warn about. Code that probes more names makes them up,
 * as Nitro does for all of its settings.
 */
const MOST_TOLD = 10

/**
 * Wraps a Worker's env so that reading a name that it lacks logs a warning: once per name, for the first few
 * names.
 */
export function tellOfAbsentNames(env: Record<string, unknown>): Record<string, unknown> {
  const told = new Set<string>()
  return new Proxy(env, {
    get(target, name, receiver) {
      if (typeof name === 'string' && !(name in target) && !told.has(name) && !ASKED.has(name)) {
        told.add(name)
        if (told.size > MOST_TOLD + 1) return undefined
        if (told.size > MOST_TOLD) {
          console.warn('More names of env are read that nobody gives; they are not told of.')
          return undefined
        }
        console.warn(
          `env.${name} is read, and nobody gives it: it is undefined. Name it in the wrangler file, as a ` +
            'binding, in vars or in secrets.required, and build again.',
        )
      }
      return Reflect.get(target, name, receiver) as unknown
    },
  })
}
