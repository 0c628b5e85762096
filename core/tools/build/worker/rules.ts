import { readFile } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import type { Plugin } from 'rolldown'
import { refuse, type Settings } from '../wrangler/settings.ts'

type RuleType = 'Text' | 'Data' | 'CompiledWasm' | 'ESModule' | 'CommonJS'

/** How files that are no JavaScript are imported. */
export interface ModuleRule {
  readonly type: 'Text' | 'Data' | 'CompiledWasm'
  readonly pattern: RegExp
}

/**
 * Wrangler's own:
 * https://developers.cloudflare.com/workers/wrangler/bundling/#files-which-will-not-be-bundled
 */
const DEFAULTS: readonly { type: 'Text' | 'Data' | 'CompiledWasm'; globs: readonly string[] }[] = [
  { type: 'Text', globs: ['**/*.txt', '**/*.html', '**/*.sql'] },
  { type: 'Data', globs: ['**/*.bin'] },
  { type: 'CompiledWasm', globs: ['**/*.wasm'] },
]

/**
 * The rules of a file, its own before wrangler's. A rule ends the search for its type unless it falls
 * through.
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
    if (type === 'ESModule' || type === 'CommonJS' || closed.has(type)) continue
    for (const glob of item.globs as string[]) rules.push({ type, pattern: globPattern(glob) })
    if (item.fallthrough !== true) closed.add(type)
  }
  for (const { type, globs } of DEFAULTS)
    if (!closed.has(type)) for (const glob of globs) rules.push({ type, pattern: globPattern(glob) })
  return rules
}

function globPattern(glob: string): RegExp {
  const text = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/?|\*|\?/g, (part) => (part === '*' ? '[^/]*' : part === '?' ? '[^/]' : '(?:.*/)?'))
  return new RegExp(`^${text}$`)
}

/** Loads files by the rules: text as a string, data as an ArrayBuffer. WebAssembly is another plugin's. */
export function rulesPlugin(rules: readonly ModuleRule[], dir: string): Plugin {
  const own = rules.filter(({ type }) => type !== 'CompiledWasm')
  return {
    name: 'unmoor:module-rules',
    async load(id) {
      const path = id.split('?')[0] as string
      if (path.startsWith('\0') || /\.(?:[cm]?[jt]sx?|json)$/.test(path)) return null
      const name = relative(dir, path).split(sep).join('/')
      const rule = own.find(({ pattern }) => pattern.test(name))
      if (rule === undefined) return null
      if (rule.type === 'Text')
        return {
          code: `export default ${JSON.stringify(await readFile(path, 'utf8'))}`,
          moduleType: 'js',
          moduleSideEffects: false,
        }
      const base64 = (await readFile(path)).toString('base64')
      return {
        code:
          `export default Uint8Array.from(atob(${JSON.stringify(base64)}), (char) => ` +
          'char.charCodeAt(0)).buffer',
        moduleType: 'js',
        moduleSideEffects: false,
      }
    },
  }
}
