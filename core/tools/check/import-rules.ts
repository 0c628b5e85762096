/** Imports that a target lacks, with the chain that leads to them. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { installHint, locateOffence } from '../build/import-checks.ts'
import type { Offence } from '../build/offence.ts'
import { UNSUPPORTED } from '../build/worker/unsupported.ts'
import type { CheckContext } from './context.ts'
import type { CheckedTarget } from './file-rules.ts'
import { readSourceFile, type SourceFile, type SourceText } from './source-file.ts'
import { sourceOf } from '../build/syntax.ts'

/** Checks what each target's bundle could not resolve, and packages with machine code. */
export async function checkImports(context: CheckContext): Promise<void> {
  const found = new Map<string, { offence: Offence; targets: CheckedTarget[] }>()
  for (const [target, { offences }] of context.graphs) {
    for (const offence of offences) {
      const key = `${offence.kind} ${offence.importer} ${offence.specifier}`
      const known = found.get(key)
      if (known === undefined) found.set(key, { offence, targets: [target] })
      else if (!known.targets.includes(target)) known.targets.push(target)
    }
  }
  for (const { offence, targets } of found.values()) await reportOffence(offence, targets, context)
  await checkAddons(context)
}

const RULE = {
  builtin: 'import-builtin',
  missing: 'import-missing',
  native: 'import-addon',
  unsupported: 'worker-only-cloudflare',
} as const

async function reportOffence(
  offence: Offence,
  targets: readonly CheckedTarget[],
  context: CheckContext,
): Promise<void> {
  const { importer, specifier, kind } = offence
  const chain = targets
    .map((target) => context.graphs.get(target)?.chain(importer))
    .find((path) => path !== undefined)
  if (chain === undefined || !existsSync(importer)) return
  const file = context.modules.get(importer) ?? (await readSourceFile(importer))
  const { position, isGlobal, tolerated } = await locateOffence(offence, file.text)
  if (tolerated && kind === 'missing') return
  const names = targets.map(({ name }) => name)
  context.add(
    file,
    [
      {
        rule: RULE[kind],
        at: offsetOf(file, position),
        length: specifier.length + (isGlobal ? 0 : 2),
        message:
          kind === 'unsupported'
            ? `Only Cloudflare has ${specifier}: ${UNSUPPORTED[specifier]}.`
            : kind === 'builtin'
              ? `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no "${specifier}".`
              : kind === 'native'
                ? `"${specifier}" brings machine code, or is left out of bundles, and ${names.join(', ')} ` +
                  `${names.length === 1 ? 'installs' : 'install'} no packages.`
                : `Nothing answers the import of "${specifier}".`,
        targets: names,
        ...(kind === 'missing' ? { instead: installHint(offence) } : {}),
        ...(tolerated || context.project.worker?.allow.includes(specifier) === true
          ? { severity: 'warning' as const }
          : {}),
      },
    ],
    chain.length > 1 ? chain : undefined,
  )
}

function offsetOf(file: SourceText, position: { line: number; column: number } | undefined): number {
  if (position === undefined) return 0
  let at = 0
  for (let line = 1; line < position.line; line++) at = file.text.indexOf('\n', at) + 1
  return at + position.column - 1
}

/** Packages that bring machine code, at the app's own import that leads to them. */
async function checkAddons(context: CheckContext): Promise<void> {
  const packages = new Map<string, boolean>()
  const seen = new Set<string>()
  for (const [, graph] of context.graphs) {
    for (const module of graph.modules) {
      const root = packageRoot(module)
      if (root === undefined || seen.has(root)) continue
      if (!packages.has(root)) packages.set(root, hasMachineCode(root))
      if (packages.get(root) !== true) continue
      seen.add(root)
      const chain = graph.chain(module)
      const from = chain?.findLast((path) => context.modules.has(path))
      const file = from === undefined ? undefined : (context.modules.get(from) as SourceFile)
      const next =
        file === undefined || chain === undefined
          ? undefined
          : packageName(chain[chain.indexOf(file.path) + 1] ?? '')
      if (file === undefined || next === undefined) continue
      const name = packageName(module) ?? root
      context.add(
        file,
        [
          {
            rule: 'import-addon',
            at: Math.max(0, importOffset(file, next)),
            length: next.length,
            message: `The package ${name} brings machine code, which no artifact holds.`,
          },
        ],
        chain !== undefined && chain.length > 2 ? chain : undefined,
      )
    }
  }
}

function importOffset(file: SourceFile, name: string): number {
  for (const statement of file.program.body) {
    const source = sourceOf(statement)
    if (source?.value === name || source?.value.startsWith(`${name}/`) === true) return source.start + 1
  }
  return file.text.indexOf(name)
}

function packageName(path: string): string | undefined {
  const rest = path.split(`${sep}node_modules${sep}`).at(-1)
  return path.includes(`${sep}node_modules${sep}`)
    ? /^(?:@[^/\\]+[/\\])?[^/\\]+/.exec(rest ?? '')?.[0].replaceAll('\\', '/')
    : undefined
}

function packageRoot(module: string): string | undefined {
  const name = packageName(module)
  if (name === undefined) return undefined
  let dir = dirname(module)
  while (!dir.endsWith(join('node_modules', name)) && dir !== dirname(dir)) dir = dirname(dir)
  return dir
}

const LOADERS = [
  'bindings',
  'node-gyp-build',
  'node-pre-gyp',
  '@mapbox/node-pre-gyp',
  'prebuild-install',
  'node-addon-api',
]

function hasMachineCode(root: string): boolean {
  if (existsSync(join(root, 'binding.gyp'))) return true
  try {
    const { gypfile, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      gypfile?: boolean
      dependencies?: Record<string, string>
    }
    return (
      gypfile === true ||
      LOADERS.some((name) => dependencies !== undefined && Object.hasOwn(dependencies, name))
    )
  } catch {
    return false
  }
}
