/** Finds SQL in the app's modules: tagged templates, and strings passed to a sql binding. */
import type { SqlDialect } from '../../bindings/drivers.ts'
import { targetsWhere, type FileContext } from './file-rules.ts'
import type { SqlFinding } from './sql-pieces.ts'
import { checkSqlText, type SqlPlace } from './sql-rules.ts'
import { bare, keyOf, objectOf, propertiesOf, type ESTree, type Node } from '../build/syntax.ts'

const METHODS: ReadonlySet<string> = new Set(['all', 'first', 'value', 'run', 'raw', 'each'])

/**
 * Modules that export a template tag `sql`. Templates of unmoor's tag are whole SQL statements; those of
 * Kysely and Drizzle may be fragments, and so may the values in `${}`.
 */
const TAGS: ReadonlyMap<string, SqlPlace> = new Map([
  ['unmoor', 'call'],
  ['kysely', 'fragment'],
  ['drizzle-orm', 'fragment'],
  ['drizzle-orm/sql', 'fragment'],
])

/** Checks the SQL in a template tagged with the `sql` of unmoor, Kysely or Drizzle. */
export function checkTagged(
  node: ESTree.TaggedTemplateExpression,
  above: readonly Node[],
  context: FileContext,
): void {
  const place = placeOfTag(node.tag, context)
  if (place !== undefined) reportAll(templateText(node.quasi), above, context, place)
}

function placeOfTag(node: Node, { file }: FileContext): SqlPlace | undefined {
  const tag = bare(node)
  const declaration = tag.type === 'Identifier' ? file.names.find(tag) : undefined
  return declaration?.imported === 'sql' ? TAGS.get(declaration.source ?? '') : undefined
}

/** Checks the SQL strings in a call of a sql binding's method, and in `sql.raw` of Kysely and Drizzle. */
export function checkSqlCall(
  call: ESTree.CallExpression,
  above: readonly Node[],
  context: FileContext,
): void {
  const callee = bare(call.callee)
  if (callee.type !== 'MemberExpression') return
  const method = keyOf(callee)
  const [first] = call.arguments
  if (method === undefined || first === undefined || !(METHODS.has(method) || method === 'batch')) return
  if (method === 'raw' && placeOfTag(callee.object, context) === 'fragment')
    return checkText(first, above, context, 'fragment')
  if (context.bindingOf(callee.object)?.kind !== 'sql') return
  const list = bare(first)
  const statements = method === 'batch' ? (list.type === 'ArrayExpression' ? list.elements : []) : [first]
  for (const statement of statements) {
    if (statement === null) continue
    const object = objectOf(statement)
    const text = object === undefined ? bare(statement) : propertiesOf(object).get('text')?.value
    if (text !== undefined && text.type !== 'TaggedTemplateExpression') checkText(text, above, context)
  }
}

/**
 * Checks SQL strings in `prepare` and `exec` of a Worker's D1 database, which may run on another engine than
 * SQLite.
 */
export function checkPrepare(
  call: ESTree.CallExpression,
  above: readonly Node[],
  context: FileContext,
): void {
  const callee = bare(call.callee)
  const method = callee.type === 'MemberExpression' ? keyOf(callee) : undefined
  const [text] = call.arguments
  const value = text === undefined ? undefined : context.evaluate(text)?.value
  if (
    (method !== 'prepare' && method !== 'exec') ||
    text === undefined ||
    typeof value !== 'string' ||
    !/^\s*[a-z]+\s/i.test(value)
  )
    return
  checkText(text, above, context, 'migration')
}

function checkText(node: Node, above: readonly Node[], context: FileContext, place: SqlPlace = 'call'): void {
  const literal = bare(node)
  if (literal.type === 'TemplateLiteral' && literal.expressions.length === 0)
    return reportAll(templateText(literal), above, context, place)
  const value = context.evaluate(node)?.value
  if (typeof value !== 'string') return
  // A finding in a plain string literal of SQL has an exact offset. A finding in a computed string is placed
  // at the expression.
  const exact =
    literal.type === 'Literal' && context.file.text.slice(literal.start + 1, literal.end - 1) === value
  reportAll(
    { text: value, place: (at) => (exact ? literal.start + 1 + at : node.start), exact },
    above,
    context,
    place,
  )
}

interface SqlSite {
  text: string
  /** Maps an offset in the SQL text to an offset in the source file. */
  place(at: number): number
  exact: boolean
}

function templateText(template: ESTree.TemplateLiteral): SqlSite {
  const parts: { from: number; to: number; exact: boolean; length: number }[] = []
  let text = ''
  const quasis = template.quasis
  quasis.forEach((quasi, index) => {
    const { raw, cooked } = quasi.value
    const written = cooked ?? raw
    // In the syntax tree, the range of each text part of a template begins at the backtick or brace before
    // the text.
    parts.push({ from: text.length, to: quasi.start + 1, exact: cooked === raw, length: written.length })
    text += written
    if (index < quasis.length - 1) text += '?'
  })
  const place = (at: number): number => {
    const part = parts.findLast(({ from }) => from <= at) ?? parts[0]
    if (part === undefined) return template.start
    return part.to + (part.exact ? Math.min(at - part.from, part.length) : 0)
  }
  return { text, place, exact: true }
}

function reportAll(
  site: SqlSite,
  above: readonly Node[],
  context: FileContext,
  place: SqlPlace = 'call',
): void {
  const guarded = above.some((node) => isDialectGuard(node, context))
  const engine = place === 'fragment' ? drizzleEngine(context) : undefined
  for (const finding of checkSqlText(site.text, place)) {
    if (finding.on !== undefined && (guarded || (engine !== undefined && finding.on !== engine))) continue
    reportSql(finding, site.place(finding.at), context, site.exact)
  }
}

/** Reports a SQL finding for the targets that have the engine on which the SQL fails. */
export function reportSql(
  finding: SqlFinding,
  at: number,
  context: Pick<FileContext, 'targets' | 'report'>,
  exact = true,
): void {
  const { on, length, at: _, ...rest } = finding
  const targets = targetsWhere(context.targets, ({ dialects }) => on === undefined || dialects.has(on))
  if (targets.length > 0) context.report({ ...rest, at, targets, ...(exact ? { length } : {}) })
}

/**
 * Returns the SQL engine of a module that imports Drizzle for only one engine, as schemas do; else undefined.
 */
function drizzleEngine({ file }: FileContext): SqlDialect | undefined {
  const sources = [...file.names.top.values()].map(({ source }) => source)
  const [sqlite, postgres] = ['drizzle-orm/sqlite-', 'drizzle-orm/pg-'].map((half) =>
    sources.some((source) => source?.startsWith(half)),
  )
  return sqlite === postgres ? undefined : sqlite === true ? 'sqlite' : 'postgres'
}

/**
 * True for a condition on a SQL dialect, such as `if (env.db.dialect === 'sqlite')`: the code within may use
 * one engine's SQL.
 */
function isDialectGuard(node: Node, { file }: FileContext): boolean {
  const test =
    node.type === 'IfStatement' || node.type === 'ConditionalExpression'
      ? node.test
      : node.type === 'SwitchStatement'
        ? node.discriminant
        : undefined
  return test !== undefined && /\bdialect\b/.test(file.text.slice(test.start, test.end))
}
