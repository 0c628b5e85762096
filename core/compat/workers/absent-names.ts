/** Names that code looks for in any object, to learn what it is. */
const ASKED: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  '$$typeof',
  'nodeType',
  'tagName',
  'asymmetricMatch',
])

/** The env with a warning, once for each name, where one that it lacks is read. */
export function tellOfAbsentNames(env: Record<string, unknown>): Record<string, unknown> {
  const told = new Set<string>()
  return new Proxy(env, {
    get(target, name, receiver) {
      if (typeof name === 'string' && !(name in target) && !told.has(name) && !ASKED.has(name)) {
        told.add(name)
        console.warn(
          `env.${name} is read, and nobody gives it: it is undefined. Name it in the wrangler file, as a ` +
            'binding, in vars or in secrets.required, and build again.',
        )
      }
      return Reflect.get(target, name, receiver) as unknown
    },
  })
}
