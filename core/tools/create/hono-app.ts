/** Finds the Hono app of an existing project, and writes the module that makes it an unmoor app. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, extname, join, relative, sep } from 'node:path'
import { parse } from 'jsonc-parser'

/** The exported Hono app of a project. */
export interface HonoApp {
  /** Path of its module, relative to the project, with slashes. */
  file: string
  /** Name of the export: `default` or `app`. */
  name: string
}

const NAMES = ['index', 'app', 'server', 'main', 'worker']
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.js', '.jsx', '.mjs']
/** Places of an entry, the likeliest first. */
const PLACES = ['src/', ''].flatMap((folder) =>
  NAMES.flatMap((name) => EXTENSIONS.map((extension) => `${folder}${name}${extension}`)),
)

/**
 * Finds the module that exports the project's Hono app: `given`, or the first of the usual places that
 * imports Hono.
 *
 * @returns the app, or a sentence that says why there is none and what to do.
 */
export function findHonoApp(dir: string, given?: string): HonoApp | { problem: string } {
  const candidates = given === undefined ? PLACES : [given]
  const file = candidates.find((path) => {
    if (!existsSync(join(dir, path))) return false
    return given !== undefined || importsHono(readFileSync(join(dir, path), 'utf8'))
  })
  if (file === undefined)
    return {
      problem:
        given === undefined
          ? `package.json has hono, and no module of it imports Hono where an entry usually is ` +
            `(${PLACES[0]}, ${PLACES[EXTENSIONS.length]}, ...). Name it: --entry src/my-app.ts`
          : `There is no file ${join(dir, given)}. Correct --entry.`,
    }
  const text = withoutComments(readFileSync(join(dir, file), 'utf8'))
  // A module that starts a server listens on a port whenever it is imported, also by a build.
  const server = /\bfrom\s*['"]@hono\/node-server['"]/.test(text) ? '@hono/node-server' : undefined
  const starts = server !== undefined && /\bserve\s*\(/.test(text)
  const name = exportOf(text)
  if (starts)
    return {
      problem:
        `${file} starts a server (serve of ${server}) when it is imported. Move the app into a module of ` +
        `its own that exports it, src/app.ts for example, import it in ${file}, and run this again.`,
    }
  if (name === undefined)
    return {
      problem:
        `${file} exports no Hono app. Add "export default app" to it (with the name of the app), or name ` +
        'another module: --entry src/my-app.ts',
    }
  return { file: file.split(sep).join('/'), name }
}

/** True for a module of a Hono app. One that imports unmoor too is an unmoor app already. */
function importsHono(text: string): boolean {
  if (/\bfrom\s*['"]unmoor['"]/.test(withoutComments(text))) return false
  return /\bfrom\s*['"](?:hono(?:\/(?:tiny|quick))?|@hono\/zod-openapi)['"]/.test(withoutComments(text))
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

function exportOf(text: string): string | undefined {
  if (/\bexport\s+default\b/.test(text) || /\bexport\s*\{[^}]*\bas\s+default\b/.test(text)) return 'default'
  if (/\bexport\s+(?:const|let)\s+app\b/.test(text) || /\bexport\s*\{[^}]*\bapp\b/.test(text)) return 'app'
  return undefined
}

/** Path of the written module, which is beside the Hono app's. */
export function wrapperPath({ file }: HonoApp): string {
  const folder = dirname(file)
  const extension = { '.js': '.js', '.jsx': '.js', '.mjs': '.mjs' }[extname(file)] ?? '.ts'
  return `${folder === '.' ? '' : `${folder}/`}unmoor${extension}`
}

/** Returns the text of the module that makes the Hono app an unmoor app. */
export function wrapperText(dir: string, app: HonoApp): string {
  const from = `./${importPath(dir, app.file)}`
  return `import { defineApp, defineBindings } from 'unmoor'
import ${app.name === 'default' ? 'app' : `{ ${app.name} }`} from '${from}'

/** The Hono app of ${app.file}, on every target. */
export default defineApp({
  // Declare here what the app reads from c.env, for example { notes: kv(), apiKey: secret() }.
  bindings: defineBindings({}),
  fetch: app.fetch,
})
`
}

/**
 * Returns how a module beside `file` imports it: with the extension that the project's tsconfig.json asks
 * for, or none if it takes imports without one.
 */
function importPath(dir: string, file: string): string {
  const base = relative(dirname(file), file)
  const extension = extname(base)
  if (!extension.includes('t')) return base
  const bare = base.slice(0, -extension.length)
  const options = readCompilerOptions(dir)
  if (options.allowImportingTsExtensions === true || options.rewriteRelativeImportExtensions === true)
    return base
  const isNode = [options.module, options.moduleResolution].some((value) =>
    /^node(16|18|20|next)$/i.test(value ?? ''),
  )
  return isNode ? `${bare}${extension.replace(/tsx?$/, 'js')}` : extension === '.mts' ? `${bare}.mjs` : bare
}

function readCompilerOptions(dir: string): {
  module?: string
  moduleResolution?: string
  allowImportingTsExtensions?: boolean
  rewriteRelativeImportExtensions?: boolean
} {
  const file = join(dir, 'tsconfig.json')
  if (!existsSync(file)) return {}
  const config = parse(readFileSync(file, 'utf8'), [], { allowTrailingComma: true }) as {
    compilerOptions?: ReturnType<typeof readCompilerOptions>
  } | null
  return config?.compilerOptions ?? {}
}
