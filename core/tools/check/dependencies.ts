/**
 * Checks which features installed packages in the bundles need of a target: globals of Node, code from text,
 * computed imports.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { sep } from 'node:path'
import { isOwnFile } from '../build/packages.ts'
import { evaluate } from './evaluate.ts'
import type { CheckContext } from './context.ts'
import { NODE_GLOBALS } from '../../adapter.ts'
import { checkCodeFromText, checkDynamicImport, checkGlobals, PLATFORM } from './code-rules.ts'
import type { CheckedTarget, FileContext } from './file-rules.ts'
import type { Report } from './finding.ts'
import { SourceFile, SourceText } from './source-file.ts'
import { parse, walk, type Comment, type Node } from '../build/syntax.ts'

/**
 * Matches words of which a dependency's module contains at least one if it breaks a rule. Most modules
 * contain none and are not parsed.
 */
const WORDS = new RegExp(
  `\\b(${[...NODE_GLOBALS, ...PLATFORM].join('|')}|eval|Function|WebAssembly)\\b|\\bimport\\s*\\(`,
)

/**
 * Number of characters up to which a dependency's module is parsed; its syntax tree takes some 140 bytes per
 * character.
 */
const MOST_CHARACTERS = 2_000_000

/** Checks the modules of installed packages, each for the targets whose bundle contains it. */
export async function checkDependencies(context: CheckContext): Promise<void> {
  const modules = new Map<string, CheckedTarget[]>()
  for (const [target, graph] of context.graphs) {
    for (const module of graph.modules) {
      if (
        !module.includes(`${sep}node_modules${sep}`) ||
        isOwnFile(module) ||
        !/\.[cm]?js$/.test(module) ||
        !existsSync(module)
      )
        continue
      modules.set(module, [...(modules.get(module) ?? []), target])
    }
  }
  for (const [path, targets] of modules) {
    const text = await readFile(path, 'utf8')
    if (!WORDS.test(text)) continue
    const chain = targets
      .map((target) => context.graphs.get(target)?.chain(path))
      .find((found) => found !== undefined)
    // Modules that only unmoor imports are skipped, since unmoor's code suits each target.
    if (chain === undefined) continue
    const { comments, reports } =
      text.length > MOST_CHARACTERS ? tooLarge(text, targets) : await checkDependency(path, text, targets)
    // Findings in a dependency keep its text in memory, so they get a SourceText, which has no syntax tree.
    context.add(new SourceText(path, text, comments), reports, chain)
  }
}

interface Checked {
  comments: readonly Comment[]
  reports: Report[]
}

async function checkDependency(
  path: string,
  text: string,
  targets: readonly CheckedTarget[],
): Promise<Checked> {
  const parsed = await parse(path, text)
  const file = new SourceFile(path, text, parsed)
  const reports: Report[] = []
  const own: FileContext = {
    file,
    bindingOf: () => undefined,
    targets,
    evaluate: (node) => (node === undefined ? undefined : evaluate(node, file.names, () => undefined)),
    // Findings in dependencies are warnings, because only run time shows if the dependency's code is reached.
    report: (report) => void reports.push({ ...report, severity: 'warning' }),
  }
  walk(file.program, (node, above) => {
    checkCodeFromText(node, own)
    // A dependency's dynamic import within `try` is not reported, since its failure does no harm.
    if (!isTried(node, above)) checkDynamicImport(node, own)
  })
  checkGlobals(own, false)
  return { comments: parsed.comments, reports }
}

function tooLarge(text: string, targets: readonly CheckedTarget[]): Checked {
  const message =
    `The module has ${text.length.toLocaleString('en')} characters; those of packages are read up to ` +
    `${MOST_CHARACTERS.toLocaleString('en')}, so nobody has looked at what this one needs of its target.`
  const report = { rule: 'size-unread', at: 0, severity: 'warning', message } as const
  return { comments: [], reports: [{ ...report, targets: targets.map(({ name }) => name) }] }
}

/** True if a syntax node is in a `try` block with a `catch`, within the same function. */
function isTried(node: Node, above: readonly Node[]): boolean {
  const chain = [...above, node]
  for (let at = chain.length - 2; at >= 0; at--) {
    const parent = chain[at]
    if (parent === undefined || /Function/.test(parent.type)) return false
    if (parent.type === 'TryStatement' && parent.handler !== null && parent.block === chain[at + 1])
      return true
  }
  return false
}
