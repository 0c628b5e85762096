import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Plugin } from 'rolldown'
import { UnmoorError } from '../../../errors.ts'
import { isOwnFile } from '../packages.ts'
import { inlineModule } from '../wasm.ts'
import { refuse, type Settings } from '../wrangler/settings.ts'

type RuleType = 'Text' | 'Data' | 'CompiledWasm' | 'ESModule' | 'CommonJS'

/** A module rule of a wrangler file: how imports of non-JavaScript files are loaded. */
export interface ModuleRule {
  readonly type: 'Text' | 'Data' | 'CompiledWasm'
  /** Pattern of a module rule, which matches import specifiers as written in the source. */
  readonly pattern: RegExp
  /** A module rule's pattern as written in the wrangler file, for errors. */
  readonly glob: string
  /**
   * True if an earlier module rule of the same type lacks `fallthrough`, so that matching imports are
   * refused.
   */
  readonly isClosed: boolean
}

/**
 * Wrangler's default module rules:
 * https://developers.cloudflare.com/workers/wrangler/bundling/#files-which-will-not-be-bundled
 */
const DEFAULTS: readonly { type: 'Text' | 'Data' | 'CompiledWasm'; globs: readonly string[] }[] = [
  { type: 'Text', globs: ['**/*.txt', '**/*.html', '**/*.sql'] },
  { type: 'Data', globs: ['**/*.bin'] },
  { type: 'CompiledWasm', globs: ['**/*.wasm', '**/*.wasm?module'] },
]

/**
 * Reads the module rules of a wrangler file, followed by wrangler's defaults; the first match decides. A rule
 * without `fallthrough` closes its type to later rules.
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
    // Module rules for ESModule and CommonJS are skipped, since the bundler detects both.
    if (type === 'ESModule' || type === 'CommonJS') continue
    for (const glob of item.globs as string[]) rules.push(createRule(type, glob, closed.has(type)))
    if (item.fallthrough !== true) closed.add(type)
  }
  for (const { type, globs } of DEFAULTS)
    for (const glob of globs) rules.push(createRule(type, glob, closed.has(type)))
  // Closed module rules come last, as in wrangler, so that an open rule for the same import takes precedence.
  return [...rules.filter(({ isClosed }) => !isClosed), ...rules.filter(({ isClosed }) => isClosed)]
}

/** Creates a module rule. A star in `glob` matches any text, slashes included; all else is literal. */
export function createRule(type: ModuleRule['type'], glob: string, isClosed = false): ModuleRule {
  const source = glob.split(/\*+/).map((text) => RegExp.escape(text))
  return { type, glob, isClosed, pattern: new RegExp(`^${source.join('.*')}$`, 's') }
}

/** Suffix of the id of a module that a module rule loads, followed by the rule's type. */
const MARK = '?unmoor-rule='
const ID = /\?unmoor-rule=(\w+)$/

/**
 * Bundler plugin that loads modules that match a module rule: text as a string, data as an ArrayBuffer,
 * WebAssembly as a module. A rule matches the specifier as written, and overrides the bundler's own handling
 * of the file, as in wrangler.
 */
export function rulesPlugin(rules: readonly ModuleRule[], onError: (error: unknown) => void): Plugin {
  return {
    name: 'unmoor:module-rules',
    resolveId: {
      filter: { id: rules.map(({ pattern }) => pattern) },
      async handler(source, importer, extra) {
        // Module rules do not apply to imports from generated modules or from unmoor's own files.
        if (importer === undefined || isGenerated(importer) || isOwnFile(importer)) return null
        const rule = rules.find(({ pattern }) => pattern.test(source))
        if (rule === undefined) return null
        if (rule.isClosed) {
          onError(closedError(source, importer, rule))
          throw new Error('refused')
        }
        const path = source.replace(/\?.*$/s, '')
        const found = await this.resolve(path, importer, { ...extra, skipSelf: true })
        // Imports of files that end in .wasm are loaded by `wasmPlugin`.
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
