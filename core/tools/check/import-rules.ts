/** Rule of `unmoor check` that reports imports a target lacks, with the chain of importing files. */
import { existsSync } from 'node:fs'
import { installHint, locateOffence } from '../build/import-checks.ts'
import type { Offence } from '../build/offence.ts'
import { UNSUPPORTED } from '../build/worker/unsupported.ts'
import type { CheckContext } from './context.ts'
import type { CheckedTarget } from './file-rules.ts'
import { readSourceFile, type SourceText } from './source-file.ts'

/**
 * Reports imports that a target's bundle cannot resolve or cannot contain, such as packages with machine
 * code.
 */
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
  const { position, isGlobal, tolerated } = await locateOffence(
    offence,
    file.text,
    context.project.worker !== undefined,
  )
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
            ? `${specifier} is refused for ${names.join(', ')}: ${UNSUPPORTED[specifier]}.`
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
