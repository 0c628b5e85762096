/** Finds calls of a Worker's `ai` binding in its source that no OpenAI-compatible server can answer. */
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { Log } from '../../../adapter.ts'
import { REFUSED_METHODS, refusedModel } from '../../../compat/workers/ai-refusals.ts'
import { UnmoorError } from '../../../errors.ts'
import { isInstalled } from '../offence.ts'
import { isOwnFile } from '../packages.ts'
import { bare, keyOf, type Node, parse, walk } from '../syntax.ts'
import { AI } from './unsupported.ts'
import type { WorkerProject } from './worker.ts'

/**
 * Refuses calls of `env.AI` that always fail: methods that only Cloudflare has, and refused models given as a
 * literal. Only the Worker's own modules are searched, since libraries contain code that the Worker may never
 * call.
 *
 * @throws `Unsupported` naming each place; with `allow: ['ai']` each place is a warning instead.
 */
export async function refuseAiUses(
  { spec, allow }: Pick<WorkerProject, 'spec' | 'allow'>,
  modules: Iterable<string>,
  projectDir: string,
  log: Log,
): Promise<void> {
  const names = new Set(Object.entries(spec.env).flatMap(([name, { type }]) => (type === 'ai' ? [name] : [])))
  if (names.size === 0) return
  const found: string[] = []
  for (const file of [...modules].sort()) {
    if (!/\.[cm]?[jt]sx?$/.test(file) || isInstalled(file) || isOwnFile(file)) continue
    const code = await readFile(file, 'utf8').catch(() => undefined)
    if (code === undefined || ![...names].some((name) => code.includes(name))) continue
    for (const { start, what } of await usesIn(file, code, names)) {
      const before = code.slice(0, start).split('\n')
      const place = `${relative(projectDir, file)}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
      found.push(`${place} ${what}`)
    }
  }
  if (found.length === 0) return
  if (allow.includes(AI))
    return found.forEach((line) => log.warn(`${line} It stays, and fails where it is reached.`))
  throw new UnmoorError(
    'Unsupported',
    `The Worker asks of its ai binding what only Cloudflare has:\n  ${found.join('\n  ')}\n` +
      'Where that code is never reached off Cloudflare, let it stay: --allow ai, or worker: { config, allow: ' +
      "['ai'] } in unmoor.config.ts.",
  )
}

async function usesIn(
  file: string,
  code: string,
  names: ReadonlySet<string>,
): Promise<{ start: number; what: string }[]> {
  const { program } = await parse(file, code)
  const found: { start: number; what: string }[] = []
  walk(program, (node) => {
    if (node.type !== 'CallExpression') return
    const callee = bare(node.callee)
    if (callee.type !== 'MemberExpression') return
    const name = bindingOf(bare(callee.object), names)
    const method = keyOf(callee)
    if (name === undefined || method === undefined) return
    const call = `calls env.${name}.${method}`
    if (Object.hasOwn(REFUSED_METHODS, method))
      found.push({ start: node.start, what: `${call}(). ${REFUSED_METHODS[method]}.` })
    const [first] = node.arguments
    if (method !== 'run' || first?.type !== 'Literal' || typeof first.value !== 'string') return
    const kind = refusedModel(first.value)
    if (kind !== undefined)
      found.push({
        start: node.start,
        what: `${call}("${first.value}"), a model of ${kind}. Call the REST API of a provider with fetch().`,
      })
  })
  return found
}

/** Name of the `ai` binding in `env.AI`, `c.env.AI` or `this.env.AI`; undefined for any other node. */
function bindingOf(node: Node, names: ReadonlySet<string>): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const name = keyOf(node)
  const holder = bare(node.object)
  const isEnv =
    (holder.type === 'Identifier' && holder.name === 'env') ||
    (holder.type === 'MemberExpression' && keyOf(holder) === 'env')
  return isEnv && name !== undefined && names.has(name) ? name : undefined
}
