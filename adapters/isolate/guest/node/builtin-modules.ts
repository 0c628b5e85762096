/**
 * Built-ins that code asks for by name at run time: `process.getBuiltinModule(name)`, and `import(name)`
 * where the bundler left it. The build puts those into the bundle that it finds named there
 * (`adapters/isolate/build/builtin-names.ts`).
 */
type Load = () => unknown

/** Put here by the build (`builtinDefine`). */
declare const UNMOOR_BUILTINS: Readonly<Record<string, Load>>

const loaders = UNMOOR_BUILTINS

/** The global that an `import(...)` of the bundle was made a call of; as long as that word. */
const IMPORT = '$built'
Object.defineProperty(globalThis, IMPORT, { value: importByName, configurable: true })

/** The built-in of that name, with or without `node:`; undefined where there is none, as on Node. */
export function getBuiltinModule(name: unknown): unknown {
  if (typeof name !== 'string')
    throw Object.assign(new TypeError('The "id" argument must be of type string.'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  const key = name.replace(/^node:/, '')
  return Object.hasOwn(loaders, key) ? (loaders[key] as Load)() : undefined
}

async function importByName(specifier: unknown): Promise<object> {
  const name = `${specifier as string}`
  const value = getBuiltinModule(name)
  if (value !== undefined) return Object.freeze({ __proto__: null, ...(value as object), default: value })
  throw Object.assign(
    new Error(
      `Cannot find "${name}": an app in an isolate is one file, and import() finds only what the ` +
        'build could see. Import it by a constant name.',
    ),
    { code: name.startsWith('node:') ? 'ERR_UNKNOWN_BUILTIN_MODULE' : 'ERR_MODULE_NOT_FOUND' },
  )
}
