/** `node:module` in an isolate: the list of built-ins, and `require` of the built-ins in the bundle. */
import { getBuiltinModule } from './builtin-modules.ts'
import { refused } from './refused.ts'

/** Names of the built-ins that an isolate serves, inserted by the build (`builtinDefine`). */
declare const UNMOOR_BUILTIN_NAMES: readonly string[]

export const builtinModules: readonly string[] = UNMOOR_BUILTIN_NAMES

export function isBuiltin(name: unknown): boolean {
  return typeof name === 'string' && builtinModules.includes(name.replace(/^node:/, ''))
}

/** Text by which the build finds bundles with `createRequire`. */
const MARK = 'unmoor:create-require'

/**
 * Returns a `require` that finds Node's built-ins whose names the build saw in the bundle. An app in an
 * isolate is one file, so it finds nothing else.
 */
export function createRequire(from: unknown): (name: unknown) => unknown {
  const place = from instanceof URL ? from.href : from
  if (typeof place !== 'string' || !/^(?:\/|file:)/.test(place))
    throw Object.assign(
      new TypeError(
        `The argument 'filename' must be a file URL object, file URL string, or absolute path string. ` +
          `Received ${typeof place === 'string' ? `'${place}'` : String(place)}`,
      ),
      { code: 'ERR_INVALID_ARG_VALUE' },
    )
  return function require(name) {
    const found = getBuiltinModule(name)
    if (found !== undefined) return found
    throw Object.assign(
      new Error(
        `Cannot find module '${String(name)}': an app in an isolate is one file, and createRequire() finds ` +
          'only built-ins whose names the build could see. Import it.',
      ),
      { code: 'MODULE_NOT_FOUND', requireStack: [place], source: MARK },
    )
  }
}

const lacks = (name: string): ((...args: never[]) => never) => refused('module', name)
export const Module = /* @__PURE__ */ lacks('Module')
export const SourceMap = /* @__PURE__ */ lacks('SourceMap')
export const enableCompileCache = /* @__PURE__ */ lacks('enableCompileCache')
export const findPackageJSON = /* @__PURE__ */ lacks('findPackageJSON')
export const findSourceMap = /* @__PURE__ */ lacks('findSourceMap')
export const flushCompileCache = /* @__PURE__ */ lacks('flushCompileCache')
export const getCompileCacheDir = /* @__PURE__ */ lacks('getCompileCacheDir')
export const getSourceMapsSupport = /* @__PURE__ */ lacks('getSourceMapsSupport')
export const register = /* @__PURE__ */ lacks('register')
export const registerHooks = /* @__PURE__ */ lacks('registerHooks')
export const runMain = /* @__PURE__ */ lacks('runMain')
export const setSourceMapsSupport = /* @__PURE__ */ lacks('setSourceMapsSupport')
export const stripTypeScriptTypes = /* @__PURE__ */ lacks('stripTypeScriptTypes')
export const syncBuiltinESMExports = /* @__PURE__ */ lacks('syncBuiltinESMExports')
export const wrap = /* @__PURE__ */ lacks('wrap')

const module = {
  builtinModules,
  createRequire,
  isBuiltin,
  Module,
  SourceMap,
  enableCompileCache,
  findPackageJSON,
  findSourceMap,
  flushCompileCache,
  getCompileCacheDir,
  getSourceMapsSupport,
  register,
  registerHooks,
  runMain,
  setSourceMapsSupport,
  stripTypeScriptTypes,
  syncBuiltinESMExports,
  wrap,
}
export default module
export { module as 'module.exports' }
