import type { Plugin } from 'rolldown'

/**
 * Defers default imports of Node built-ins (`import tls from 'tls'`) from process start to first use:
 * node:tls alone takes 20 ms to load, and an ES module import of node:http evaluates all of its lazy exports.
 * Named imports of built-ins stay as they are.
 */
export function lazyBuiltinsPlugin(names: readonly string[]): Plugin {
  const pattern = new RegExp(
    `^import ([A-Za-z_$][\\w$]*) from (['"])(?:node:)?(${names.join('|')})\\2;?[ \\t]*$`,
    'm',
  )
  return {
    name: 'unmoor:lazy-builtins',
    transform: {
      filter: { code: pattern, id: /\.[cm]?[jt]s$/ },
      handler: (code) => ({
        code: code.replaceAll(new RegExp(pattern, 'gm'), (_, binding: string, _quote, name: string) => {
          const module = `process.getBuiltinModule('node:${name}')`
          return (
            `const ${binding} = new Proxy({}, { get: (_, key) => ${module}[key], has: (_, key) => ` +
            `key in ${module} })`
          )
        }),
        map: null,
      }),
    },
  }
}
