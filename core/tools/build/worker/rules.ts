import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Plugin } from 'rolldown'
import { UnmoorError } from '../../../errors.ts'
import { isOwnFile } from '../packages.ts'
import { inlineModule } from '../wasm.ts'
import { refuse, type Settings } from '../wrangler/settings.ts'

type RuleType = 'Text' | 'Data' | 'CompiledWasm' | 'ESModule' | 'CommonJS'

/** How files that are not bundled are imported. */
export interface ModuleRule {
  readonly type: 'Text' | 'Data' | 'CompiledWasm'
  /** Matches an import as it is written. */
  readonly pattern: RegExp
  /** The pattern in the wrangler file. */
  readonly glob: string
  /** True if an earlier rule of its type has no `fallthrough`: imports that match are refused. */
  readonly isClosed: boolean
}

/**
 * Wrangler's own:
 * https://developers.cloudflare.com/workers/wrangler/bundling/#files-which-will-not-be-bundled
 */
const DEFAULTS: readonly { type: 'Text' | 'Data' | 'CompiledWasm'; globs: readonly string[] }[] = [
  { type: 'Text', globs: ['**/*.txt', '**/*.html', '**/*.sql'] },
  { type: 'Data', globs: ['**/*.bin'] },
  { type: 'CompiledWasm', globs: ['**/*.wasm', '**/*.wasm?module'] },
]

/**
 * The rules of a file, its own before wrangler's; the first that matches counts. A rule closes its type to
 * later ones unless it falls through.
 */
export function readRules(settings: Settings): ModuleRule[] {
  const { file } = settings
  const found = settings.get('rules')
  const rules: ModuleRule[] = []
  const closed = new Set<string>()
  const list = found?.value ?? []
  if (!Array.isArray(list)) return refuse(file, found?.at ?? ['rules'], 'it is a list.')
  for (const [index, item] of (
    list as { type?: unknown; globs?: unknown; fallthrough?: unknown }[]
  ).entries()) {
    const at = [...(found?.at ?? []), index]
    const type = item.type as RuleType
    if (!['Text', 'Data', 'CompiledWasm', 'ESModule', 'CommonJS'].includes(type))
      return refuse(
        file,
        [...at, 'type'],
        `modules of type ${JSON.stringify(item.type)} cannot be bundled. Types: Text, Data, ` +
          'CompiledWasm, ESModule, CommonJS.',
        'Unsupported',
      )
    if (!Array.isArray(item.globs)) return refuse(file, [...at, 'globs'], 'it is a list of patterns.')
    // Whatever JavaScript is, the bundler sees by itself.
    if (type === 'ESModule' || type === 'CommonJS') continue
    for (const glob of item.globs as string[]) rules.push(createRule(type, glob, closed.has(type)))
    if (item.fallthrough !== true) closed.add(type)
  }
  for (const { type, globs } of DEFAULTS)
    for (const glob of globs) rules.push(createRule(type, glob, closed.has(type)))
  // Rules that count come first, as wrangler has them.
  return [...rules.filter(({ isClosed }) => !isClosed), ...rules.filter(({ isClosed }) => isClosed)]
}

/** A rule by its pattern, in which a star is any text, slashes too, and nothing else has a meaning. */
export function createRule(type: ModuleRule['type'], glob: string, isClosed = false): ModuleRule {
  const source = glob.split(/\*+/).map((text) => RegExp.escape(text))
  return { type, glob, isClosed, pattern: new RegExp(`^${source.join('.*')}$`, 's') }
}

/** Ends the id of a module that a rule is for. */
const MARK = '?unmoor-rule='
const ID = /\?unmoor-rule=(\w+)$/

/**
 * Loads what the rules name: text as a string, data as an ArrayBuffer, WebAssembly as a module. As with
 * wrangler, a rule is matched to the import as it is written, and goes before all that the bundler would make
 * of the file.
 */
export function rulesPlugin(rules: readonly ModuleRule[], onError: (error: unknown) => void): Plugin {
  return {
    name: 'unmoor:module-rules',
    resolveId: {
      filter: { id: rules.map(({ pattern }) => pattern) },
      async handler(source, importer, extra) {
        // The generated entry imports the Worker's main module, and unmoor has files of its own.
        if (importer === undefined || isGenerated(importer) || isOwnFile(importer)) return null
        const rule = rules.find(({ pattern }) => pattern.test(source))
        if (rule === undefined) return null
        if (rule.isClosed) {
          onError(closedError(source, importer, rule))
          throw new Error('refused')
        }
        const path = source.replace(/\?.*$/s, '')
        const found = await this.resolve(path, importer, { ...extra, skipSelf: true })
        // WebAssembly of the usual name is another plugin's.
        if (rule.type === 'CompiledWasm' && path.endsWith('.wasm')) return found
        const file = found === null || found.external !== false ? resolve(dirname(importer), path) : found.id
        return existsSync(file) ? { id: `${file}${MARK}${rule.type}`, moduleSideEffects: false } : null
      },
    },
    load: {
      filter: { id: ID },
      async handler(id) {
        const bytes = await readFile(id.replace(ID, ''))
        return { code: moduleCode(ID.exec(id)?.[1], bytes), moduleType: 'js', moduleSideEffects: false }
      },
    },
  }
}

function moduleCode(type: string | undefined, bytes: Buffer): string {
  if (type === 'Text') return `export default ${JSON.stringify(bytes.toString())}`
  if (type === 'CompiledWasm') return inlineModule(bytes)
  const text = JSON.stringify(bytes.toString('base64'))
  return `export default Uint8Array.from(atob(${text}), (char) => char.charCodeAt(0)).buffer`
}

function isGenerated(file: string): boolean {
  return /[\\/]\.unmoor[\\/]worker[\\/]/.test(file)
}

function closedError(source: string, importer: string, { type, glob }: ModuleRule): UnmoorError {
  return new UnmoorError(
    'InvalidArgument',
    `${importer} imports "${source}", which matches the module rule "${glob}" of type ${type}; but an ` +
      'earlier rule of that type ends the search. Write fallthrough: true into that rule.',
    { operation: 'build' },
  )
}
