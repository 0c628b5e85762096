/**
 * Node's built-in modules that code requests by name at run time: `process.getBuiltinModule(name)`, and
 * `import(name)` calls that the bundler left in place. The build bundles those whose names it finds in the
 * app's bundle (`adapters/isolate/build/builtin-names.ts`).
 */
type Load = () => unknown

/** Loaders of Node's built-in modules in the bundle, by name, inserted by the build (`builtinDefine`). */
declare const UNMOOR_BUILTINS: Readonly<Record<string, Load>>

const loaders = UNMOOR_BUILTINS

/**
 * Global function that the build calls in place of `import(...)`. Its name is as long as the word `import`.
 */
const IMPORT = '$built'
Object.defineProperty(globalThis, IMPORT, { value: importByName, configurable: true })

/**
 * Returns Node's built-in module with that name, with or without `node:`; undefined if there is none, as on
 * Node.
 */
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
