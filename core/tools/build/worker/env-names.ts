/** Warns of names that a Worker reads from its env but that nothing defines, which are silently undefined. */
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { Log } from '../../../adapter.ts'
import { isInstalled } from '../offence.ts'
import { isOwnFile } from '../packages.ts'
import { type Names, readNames } from '../../check/scope.ts'
import { bare, keyOf, nameOf, type Node, parse, walk } from '../syntax.ts'
import type { WorkerProject } from './worker.ts'

/**
 * Names in a Worker's env already warned of, by project, since one target's app may be bundled more than
 * once.
 */
const told = new WeakMap<WorkerProject, Set<string>>()

/** Warns once of each undefined env name, with the first place in the Worker's own modules that reads it. */
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

/** Naming convention of Workers' bindings, which properties of a library's own `env` hardly ever follow. */
const CONSTANT_CASE = /^[A-Z][A-Z0-9_]*$/

/**
 * Finds reads of `env.NAME`, also through an import of `env` under any name, `this.env` and `c.env`.
 * Generated code includes libraries, which use `env` for other things, so there only names in CONSTANT_CASE
 * count.
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
    // A called `env.NAME()` is a method of some object named env that is no Worker's env.
    if (!isWritten && !isCalled) found.push({ name, start: node.start })
  })
  return found
}

/**
 * Tells why an object is taken for the Worker's env: `imported` from `cloudflare:workers`, or `named` env;
 * undefined if it is not.
 */
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
  // `process.env` and `import.meta.env` are not a Worker's env.
  const isHolder =
    holder.type === 'ThisExpression' || (nameOf(holder) !== undefined && nameOf(holder) !== 'process')
  return isHolder ? 'named' : undefined
}
