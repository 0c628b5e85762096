/**
 * Stand-in modules for imports that the target lacks. A stand-in throws when it is loaded, or its exports
 * throw when used.
 */
import { isBuiltin } from 'node:module'
import type { Plugin } from 'rolldown'

type Kind = 'absent' | 'builtin'

const ID = '\0unmoor:stand-in:'
/**
 * Suffix of the ids of stand-in modules: an id that ends in an importer's `.cjs` would be parsed as CommonJS.
 */
const END = '.mjs'

/**
 * Id of the stand-in module for `specifier` in one importer, unique per importer so that tree shaking shows
 * whose import stayed. A stand-in of kind `absent` throws Node's error for a missing module. One of kind
 * `builtin` has all exports of a Node built-in: constants as they are, while the rest throws when used.
 */
export function standInId(kind: Kind, specifier: string, required: boolean, importer: string): string {
  return `${ID}${[kind, required ? 'require' : 'import', specifier, importer, END].join('|')}`
}

/** Bundler plugin that loads stand-in modules, whose errors name `target`. */
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
 * Source of an `absent` stand-in, an ES module even for `require`: the bundler's CommonJS wrapper would throw
 * only the first time, and a second `require` would return an empty object.
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
  const marks = MARKS[name] ?? []
  const quoted = [`node:${name}`, target].map((text) => JSON.stringify(text)).join(', ')
  const names = Object.keys(module).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default')
  return [
    `import { missingBuiltin } from 'unmoor/internal/missing-module'`,
    `const data = { ...${JSON.stringify(data)}, ${marks.map((mark) => `${mark}() {}`).join(', ')} }`,
    `const all = /* @__PURE__ */ missingBuiltin(${quoted}, undefined, data)`,
    `export { all as default, all as 'module.exports' }`,
    // In a stand-in, the local name differs from the exported name, which may be a reserved word.
    ...names.map((key, index) => {
      const value =
        Object.hasOwn(data, key) || marks.includes(key)
          ? `data.${key}`
          : `/* @__PURE__ */ missingBuiltin(${quoted}, ${JSON.stringify(key)})`
      return `const e${index} = ${value}\nexport { e${index} as ${key} }`
    }),
    '',
  ].join('\n')
}

/**
 * Functions that keep a value from being sent to a thread. Without threads they do nothing, and packages call
 * them for each of their objects.
 */
const MARKS: Readonly<Record<string, readonly string[]>> = {
  worker_threads: ['markAsUncloneable', 'markAsUntransferable'],
}

/**
 * Maximum number of characters of JSON of one Node constant that a stand-in copies. Longer data, such as
 * `tls.rootCertificates`, is not read while a package loads.
 */
const MAX_DATA = 16 * 1024

/**
 * Names of a Node built-in's exports that are constants or tables of constants. Other data describes the
 * machine (`module.globalPaths`).
 */
const DATA_NAME = /^(?:[A-Z][A-Z\d_]*|constants|codes|devNull|isMainThread)$/

/** The constants that a Node built-in exports, without facts about this machine. */
function dataOf(name: string, module: object): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    if (DATA_NAME.test(key) && isData(value) && JSON.stringify(value).length <= MAX_DATA)
      data[key] = value as unknown
  }
  // `os` gets the constants of Linux: no target runs on Windows, even if the build does.
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
