/**
 * Tells migrations that only expand a database from those that the code of the version before may not
 * survive. Migrations run before the new code, so that old code works on the new tables for a while.
 */
import type { SqlDialect } from '../../bindings/drivers.ts'
import { type Migration, statementsOf } from '../../bindings/migrations.ts'
import { tokenize } from '../../bindings/sql-tokenizer.ts'

/**
 * Returns the statements of migrations that do more than expand, each as `MIGRATION: STATEMENT`. Statements
 * on tables that the same migrations create are left out, since no code uses those yet.
 */
export function contractingStatements(migrations: readonly Migration[], dialect: SqlDialect): string[] {
  const created = new Set<string>()
  return migrations.flatMap((migration) =>
    statementsOf(migration, dialect, { binding: migration.name, operation: 'deploy' }).flatMap((text) => {
      const words = wordsOf(text)
      const table = tableOf(words)
      if (words[0] === 'CREATE' && words.includes('TABLE')) created.add(table)
      // A new table that is renamed takes the place of another one.
      const isOwn = created.has(table) && !words.includes('RENAME')
      return expands(words) || isOwn ? [] : [`${migration.name}: ${shorten(text)}`]
    }),
  )
}

/** True if a statement, as its words, leaves everything in place that code of the version before may use. */
function expands(words: readonly string[]): boolean {
  const [first, second] = words
  switch (first) {
    case 'CREATE':
      return !words.includes('REPLACE') && second !== 'UNIQUE' && !words.includes('TRIGGER')
    case 'ALTER':
      if (second === 'TYPE') return words.includes('ADD') && words.includes('VALUE')
      return second === 'TABLE' && actionsOf(words.slice(indexOfTable(words) + 1)).every(isAddition)
    case 'WITH':
      return !words.includes('DELETE')
    // An UPDATE fills a new column, and the others change no table.
    case 'INSERT':
    case 'UPDATE':
    case 'SELECT':
    case 'PRAGMA':
    case 'ANALYZE':
    case 'COMMENT':
    case 'GRANT':
      return true
    default:
      return false
  }
}

/** True if code of the version before survives an action of ALTER TABLE, given by its words. */
function isAddition(action: readonly string[]): boolean {
  const text = `${action.join(' ')} `
  if (action[0] === 'ALTER') return / (DROP NOT NULL|SET DEFAULT) /.test(text)
  if (!/^ADD (?!CONSTRAINT |UNIQUE |CHECK |PRIMARY |FOREIGN |EXCLUDE )/.test(text)) return false
  const isRequired = text.includes(' NOT NULL ') && !text.includes(' DEFAULT ')
  return !isRequired && !/ (UNIQUE|PRIMARY KEY) /.test(text)
}

/** Splits the actions of ALTER TABLE at their commas; what is in parentheses is left out. */
function actionsOf(words: readonly string[]): string[][] {
  const actions: string[][] = [[]]
  let depth = 0
  for (const word of words) {
    if (word === '(') depth++
    else if (word === ')') depth--
    else if (depth === 0 && word === ',') actions.push([])
    else if (depth === 0) actions.at(-1)?.push(word)
  }
  return actions
}

/** Returns the name of the table that a statement creates or changes, or on which it creates an index. */
function tableOf(words: readonly string[]): string {
  return words[indexOfTable(words)] ?? ''
}

function indexOfTable(words: readonly string[]): number {
  const before = words[0] === 'CREATE' && words.includes('INDEX') ? 'ON' : 'TABLE'
  const at = words.findIndex((word) => word === before || word === 'FROM' || word === 'INTO')
  return at === -1 ? -1 : words.findIndex((word, index) => index > at && !/^(IF|NOT|EXISTS|ONLY)$/.test(word))
}

/**
 * Returns the words, names, commas and parentheses of a statement, in upper case. A name with its schema is
 * one word, and texts are left out. A quoted name keeps its quotes if it has the letters of a word of SQL.
 */
function wordsOf(text: string): string[] {
  const words: string[] = []
  let isQualified = false
  const add = (word: string): void => {
    if (isQualified) words.push(`${words.pop() ?? ''}.${word}`)
    else words.push(word)
    isQualified = false
  }
  for (const { kind, start, end } of tokenize(text)) {
    const raw = text.slice(start, end)
    if (kind === 'word') add(raw.toUpperCase())
    else if (kind === 'string' && /^["`]/.test(raw)) add(unquote(raw.toUpperCase()))
    else if (kind === 'other' && raw === '.') isQualified = true
    else if (kind === 'other' && /^[(),]$/.test(raw)) words.push(raw)
  }
  return words
}

const RESERVED = new Set(
  (
    'ADD ALTER CREATE DEFAULT DROP FROM INDEX INTO NOT NULL ON ONLY RENAME REPLACE SET TABLE TRIGGER ' +
    'UNIQUE'
  ).split(' '),
)

function unquote(quoted: string): string {
  const name = quoted.slice(1, -1)
  return RESERVED.has(name) ? quoted : name
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > 100 ? `${line.slice(0, 97)}...` : line
}
