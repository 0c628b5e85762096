import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Plugin } from 'rolldown'

const WASM = /\.wasm(\?module)?$/

/**
 * Bundler plugin that makes `import module from './x.wasm'` return a `WebAssembly.Module`. Mode `module`
 * keeps the import and emits the file beside the bundle; mode `inline` compiles the module from bytes within
 * the bundle.
 */
export function wasmPlugin(mode: 'module' | 'inline'): Plugin {
  return {
    name: 'unmoor:wasm',
    resolveId: {
      filter: { id: WASM },
      async handler(source, importer) {
        const path = source.replace(/\?module$/, '')
        const resolved =
          path.startsWith('.') && importer !== undefined
            ? resolve(dirname(importer), path)
            : (await this.resolve(path, importer, { skipSelf: true }))?.id
        if (resolved === undefined) return null
        if (mode === 'inline') return { id: resolved }
        const bytes = await readFile(resolved)
        const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8)
        const fileName = `${basename(resolved, '.wasm')}-${hash}.wasm`
        this.emitFile({ type: 'asset', fileName, source: bytes })
        return { id: `./${fileName}`, external: true }
      },
    },
    load: {
      filter: { id: /\.wasm$/ },
      async handler(id) {
        const bytes = await readFile(id)
        return { code: inlineModule(bytes), moduleType: 'js', moduleSideEffects: false }
      },
    },
  }
}

/**
 * Source of a JavaScript module with the bytes of a .wasm file, whose default export is the compiled module.
 */
export function inlineModule(bytes: Buffer): string {
  return [
    `const text = atob(${JSON.stringify(bytes.toString('base64'))})`,
    'const bytes = new Uint8Array(text.length)',
    'for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)',
    'export default new WebAssembly.Module(bytes)',
  ].join('\n')
}
