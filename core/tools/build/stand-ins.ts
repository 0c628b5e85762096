/**
 * Modules that stand in a bundle for what is not there: they throw, or what they export does, when reached.
 */
import { isBuiltin } from 'node:module'
import type { Plugin } from 'rolldown'

type Kind = 'absent' | 'builtin'

const ID = '\0unmoor:stand-in:'
/** Ends an id, which would be CommonJS with the ending of some importers. */
const END = '.mjs'

/**
 * Id of a module that stands in for `specifier` in one importer, so that the bundler itself tells whose
 * import stayed after tree shaking. `absent` throws what Node throws for a module that is not there;
 * `builtin` has all exports of a Node built-in: data as it is, and the rest throws where it is used.
 */
export function standInId(kind: Kind, specifier: string, required: boolean, importer: string): string {
  return `${ID}${[kind, required ? 'require' : 'import', specifier, importer, END].join('|')}`
}

/** Loads them. `target` is named in what they throw. */
export function standInPlugin(target: string): Plugin {
  return {
    name: 'unmoor:stand-ins',
    load: {
      filter: { id: new RegExp(`^${ID}`) },
      handler(id) {
        const [kind, how, specifier = ''] = id.slice(ID.length).split('|')
        const code =
          kind === 'builtin'
            ? builtinSource(specifier.replace(/^node:/, ''), target)
            : absentSource(specifier, how === 'require', target)
        return { code, moduleType: 'js', moduleSideEffects: kind !== 'builtin' }
      },
    },
  }
}

/**
 * An ES module for `require` too: the bundler's wrapper of a CommonJS module throws the first time only,
 * and an empty object is what a second `require` would get.
 */
function absentSource(specifier: string, required: boolean, target: string): string {
  const why = isBuiltin(specifier)
    ? `the target "${target}" does not have it`
    : 'it was not there when this app was built'
  const what = required || isBuiltin(specifier) ? 'module' : 'package'
  const code = required ? 'MODULE_NOT_FOUND' : 'ERR_MODULE_NOT_FOUND'
  const message = `Cannot find ${what} '${specifier}': ${why}`
  return (
    `throw Object.assign(new Error(${JSON.stringify(message)}), { code: '${code}' })\n` +
    'export default undefined\n'
  )
}

function builtinSource(name: string, target: string): string {
  const module = process.getBuiltinModule(name) ?? {}
  const data = dataOf(name, module)
  const quoted = [`node:${name}`, target].map((text) => JSON.stringify(text)).join(', ')
  const names = Object.keys(module).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default')
  return [
    `import { missingBuiltin } from 'unmoor/internal/missing-module'`,
    `const data = ${JSON.stringify(data)}`,
    `const all = /* @__PURE__ */ missingBuiltin(${quoted}, undefined, data)`,
    `export { all as default, all as 'module.exports' }`,
    // The name within is another, as an export may be called like a reserved word.
    ...names.map((key, index) => {
      const value = Object.hasOwn(data, key)
        ? `data.${key}`
        : `/* @__PURE__ */ missingBuiltin(${quoted}, ${JSON.stringify(key)})`
      return `const e${index} = ${value}\nexport { e${index} as ${key} }`
    }),
    '',
  ].join('\n')
}

/** Longer data is none that a package reads while it loads (`tls.rootCertificates`). */
const MAX_DATA = 16 * 1024

/** Names of constants and of tables of such. Others hold facts of the machine (`module.globalPaths`). */
const DATA_NAME = /^(?:[A-Z][A-Z\d_]*|constants|codes|devNull|isMainThread)$/

/** What a built-in exports that is data and nothing of the machine's. */
function dataOf(name: string, module: object): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    if (DATA_NAME.test(key) && isData(value) && JSON.stringify(value).length <= MAX_DATA)
      data[key] = value as unknown
  }
  // No target is Windows, whatever builds for it.
  if (name === 'os') Object.assign(data, { EOL: '\n', devNull: '/dev/null' })
  return data
}

function isData(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value)
    const isPlain = prototype === Object.prototype || prototype === null || Array.isArray(value)
    return isPlain && Object.values(value).every(isData)
  }
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}
