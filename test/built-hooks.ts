/**
 * For a test's child process, by `node --import`: its imports of `core` and `adapters` mean the modules of
 * `dist`.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { builtFile } from './built-package.ts'

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context
    const built =
      parentURL?.startsWith('file:') === true ? builtFile(specifier, fileURLToPath(parentURL)) : undefined
    return built === undefined
      ? next(specifier, context)
      : { url: pathToFileURL(built).href, shortCircuit: true }
  },
})
