/** Names that code looks for in any object, to learn what it is. */
const ASKED: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  '$$typeof',
  'nodeType',
  'tagName',
  'asymmetricMatch',
])

/** Code that tries more names than this makes them up as it goes, as Nitro does for all of its settings. */
const MOST_TOLD = 10

/** The env with a warning, once for each of the first names, where one that it lacks is read. */
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
