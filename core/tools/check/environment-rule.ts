/** Reports variables of `process.env` that the app reads and does not declare. */
import { constantCase } from '../../bindings/declarations.ts'
import { bare, keyOf, nameOf, type Node, walk } from '../build/syntax.ts'
import { declaredBindings } from './bindings.ts'
import type { CheckContext } from './context.ts'
import type { Report } from './finding.ts'
import type { SourceFile } from './source-file.ts'

/** Environment variables that builds or Node itself always set. */
const ALWAYS = new Set(['NODE_ENV'])

/**
 * Reports environment variables that the app reads but does not declare. A declared variable or secret is in
 * `process.env` on every target; any other name only if the machine's environment has it, and only on targets
 * that run Node.
 */
export function checkEnvironment(context: CheckContext): void {
  const declared = new Set(Object.keys(context.manifest?.bindings ?? {}).map(constantCase))
  for (const file of context.modules.values())
    for (const name of declaredBindings(file.program).keys()) declared.add(constantCase(name))
  for (const file of context.modules.values()) {
    const reports: Report[] = []
    const seen = new Set<string>()
    walk(file.program, (node, above) => {
      for (const { name, at, length } of namesRead(node, above, file)) {
        if (declared.has(name) || ALWAYS.has(name) || seen.has(name)) continue
        seen.add(name)
        reports.push({
          rule: 'env-undeclared',
          at,
          length,
          severity: 'warning',
          message:
            `The app does not declare ${name}: .env does not set it, and process.env lacks it on targets that ` +
            'have no environment of the machine.',
        })
      }
    })
    context.add(file, reports)
  }
}

/**
 * Returns the variables that a syntax node reads by `process.env.NAME`, `process.env['NAME']` or `const {
 * NAME } = process.env`.
 */
function namesRead(
  node: Node,
  above: readonly Node[],
  file: SourceFile,
): { name: string; at: number; length: number }[] {
  if (node.type === 'MemberExpression' && isEnvironment(bare(node.object), file)) {
    const parent = above.at(-1)
    // An assignment to `process.env.NAME` is not a read.
    if (parent?.type === 'AssignmentExpression' && parent.left === node) return []
    const name = keyOf(node)
    return name === undefined
      ? []
      : [{ name, at: node.property.start, length: node.property.end - node.property.start }]
  }
  if (node.type !== 'VariableDeclarator' || node.init === null || node.id.type !== 'ObjectPattern') return []
  if (!isEnvironment(bare(node.init), file)) return []
  return node.id.properties.flatMap((property) => {
    const name = property.type === 'Property' ? keyOf(property) : undefined
    return name === undefined ? [] : [{ name, at: property.start, length: name.length }]
  })
}

function isEnvironment(node: Node, file: SourceFile): boolean {
  // Matches the `env` of `import { env } from 'node:process'`.
  if (node.type === 'Identifier') {
    const declaration = file.names.find(node)
    return isProcessModule(declaration?.source) && declaration?.imported === 'env'
  }
  if (node.type !== 'MemberExpression' || keyOf(node) !== 'env') return false
  const holder = bare(node.object)
  if (holder.type === 'MemberExpression')
    return (
      keyOf(holder) === 'process' && /^(?:globalThis|global|self)$/.test(nameOf(bare(holder.object)) ?? '')
    )
  if (holder.type !== 'Identifier') return false
  const declaration = file.names.find(holder)
  return declaration === undefined ? holder.name === 'process' : isProcessModule(declaration.source)
}

function isProcessModule(source: string | undefined): boolean {
  return source === 'process' || source === 'node:process'
}
