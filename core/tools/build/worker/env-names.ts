/** Names that a Worker reads from its env and that nobody gives: they are undefined without a word. */
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { Log } from '../../../adapter.ts'
import { isInstalled } from '../offence.ts'
import { isOwnFile } from '../packages.ts'
import { type Names, readNames } from '../../check/scope.ts'
import { bare, keyOf, nameOf, type Node, parse, walk } from '../syntax.ts'
import type { WorkerProject } from './worker.ts'

/** Names that were told of, by project: a target's app may be bundled more than once. */
const told = new WeakMap<WorkerProject, Set<string>>()

/** Warns of each such name once, with its first place in the Worker's own modules. */
export async function warnOfEnvNames(
  worker: WorkerProject,
  modules: Iterable<string>,
  projectDir: string,
  log: Log,
): Promise<void> {
  const known = told.get(worker) ?? new Set(Object.keys(worker.spec.env))
  told.set(worker, known)
  for (const file of [...modules].sort()) {
    if (!/\.[cm]?[jt]sx?$/.test(file) || isInstalled(file) || isOwnFile(file)) continue
    const code = await readFile(file, 'utf8').catch(() => undefined)
    if (code === undefined || !/\benv\b/.test(code)) continue
    for (const { name, start } of await envReads(file, code, worker.isGenerated)) {
      if (known.has(name)) continue
      known.add(name)
      const before = code.slice(0, start).split('\n')
      const place = `${relative(projectDir, file)}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
      log.warn(
        `${place} reads env.${name}, which nobody gives, so it is undefined. Name it in the wrangler file: ` +
          'as a binding, in vars, or where it is a secret in secrets.required (or .dev.vars).',
      )
    }
  }
}

/** How bindings are named by convention, and hardly any property of a library's own `env`. */
const CONSTANT_CASE = /^[A-Z][A-Z0-9_]*$/

/**
 * `env.NAME` of an `env`, by what name it was imported, `this.env` or `c.env`, where it is read. Generated
 * code holds its libraries too, which call other things `env`: only names in CONSTANT_CASE count there.
 */
async function envReads(
  file: string,
  code: string,
  isGenerated: boolean,
): Promise<{ name: string; start: number }[]> {
  const { program } = await parse(file, code)
  const found: { name: string; start: number }[] = []
  const names = readNames(program)
  walk(program, (node, above) => {
    if (node.type !== 'MemberExpression') return
    const kind = envKind(node.object, names)
    if (kind === undefined) return
    const name = keyOf(node)
    if (name === undefined || name.startsWith('#') || name in Object.prototype) return
    if (isGenerated && kind === 'named' && !CONSTANT_CASE.test(name)) return
    const parent = above.at(-1)
    const isWritten =
      parent?.type === 'AssignmentExpression' && parent.left === node && parent.operator === '='
    const isCalled = parent?.type === 'CallExpression' && parent.callee === node
    // A method of something else that is called env.
    if (!isWritten && !isCalled) found.push({ name, start: node.start })
  })
  return found
}

/** Says how an object is the env: as imported from `cloudflare:workers`, or by being named so. */
function envKind(object: Node, names: Names): 'imported' | 'named' | undefined {
  const node = bare(object)
  if (node.type === 'Identifier') {
    const declared = names.find(node)
    if (declared?.kind === 'import' && declared.source === 'cloudflare:workers')
      return declared.imported === 'env' ? 'imported' : undefined
    return node.name === 'env' ? 'named' : undefined
  }
  if (node.type !== 'MemberExpression' || keyOf(node) !== 'env') return undefined
  const holder = bare(node.object)
  // `process.env` and `import.meta.env` are others.
  const isHolder =
    holder.type === 'ThisExpression' || (nameOf(holder) !== undefined && nameOf(holder) !== 'process')
  return isHolder ? 'named' : undefined
}
