import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Plugin } from 'rolldown'
import type { Offence } from './offence.ts'
import { standInId } from './stand-ins.ts'

const ID = '\0unmoor:addon:'

/**
 * Copies a native addon that is imported by its path (`require('./build/x.node')`) to a file beside the
 * bundle. Whole packages with native addons do not get here: `native-packages.ts` keeps them out of the
 * bundle.
 */
export function addonsPlugin(options: { isRun: boolean; offences: Offence[] }): Plugin {
  return {
    name: 'unmoor:addons',
    resolveId: {
      filter: { id: /^[./].*\.node$/ },
      handler(source, importer = '', { kind }) {
        const path = resolve(dirname(importer), source)
        const isThere = existsSync(path)
        if (isThere && options.isRun) return { id: ID + path }
        const required = kind === 'require-call'
        const standIn = standInId('absent', source, required, importer)
        options.offences.push({
          kind: isThere ? 'native' : 'missing',
          specifier: source,
          importer,
          required,
          standIn,
        })
        return { id: standIn }
      },
    },
    load: {
      filter: { id: new RegExp(`^${ID}`) },
      async handler(id) {
        const path = id.slice(ID.length)
        const bytes = await readFile(path)
        const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8)
        // Packaging tools pass a native addon's file name on a command line, so it has no special characters.
        const name = basename(path, '.node').replace(/[^\w.-]/g, '_')
        const fileName = `${name}-${hash}.node`
        this.emitFile({ type: 'asset', fileName, source: bytes })
        const code = [
          `import { createRequire } from 'node:module'`,
          `const addon = createRequire(import.meta.url)(${JSON.stringify(`./${fileName}`)})`,
          `export { addon as default, addon as 'module.exports' }`,
        ]
        return { code: code.join('\n'), moduleType: 'js' }
      },
    },
  }
}
