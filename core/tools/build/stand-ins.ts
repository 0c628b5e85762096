/** Modules that stand in a bundle for what is not there: they throw, or what they export does, when reached. */
import { isBuiltin } from 'node:module'
import type { Plugin } from 'rolldown'

type Kind = 'absent' | 'builtin'

const ID = '\0unmoor:stand-in:'

/**
 * Id of a module that stands in for `specifier` in one importer, so that the bundler itself tells whose import
 * stayed after tree shaking. `absent` throws what Node throws for a module that is not there; `builtin` has all
 * exports of a Node built-in, each of which throws where it is used.
 */
export function standInId(kind: Kind, specifier: string, required: boolean, importer: string): string {
  return `${ID}${[kind, required ? 'require' : 'import', specifier, importer].join('|')}`
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
 * An ES module for `require` too: the bundler's wrapper of a CommonJS module throws the first time only, and an
 * empty object is what a second `require` would get.
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
  const stub = (member?: string): string =>
    `/* @__PURE__ */ missingBuiltin(${[`node:${name}`, target, member]
      .filter((text) => text !== undefined)
      .map((text) => JSON.stringify(text))
      .join(', ')})`
  const names = Object.keys(process.getBuiltinModule(name) ?? {}).filter(
    (key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default',
  )
  return [
    `import { missingBuiltin } from 'unmoor/internal/missing-module'`,
    `const all = ${stub()}`,
    `export { all as default, all as 'module.exports' }`,
    // The name within is another, as an export may be called like a reserved word.
    ...names.map((key, index) => `const e${index} = ${stub(key)}\nexport { e${index} as ${key} }`),
    '',
  ].join('\n')
}
