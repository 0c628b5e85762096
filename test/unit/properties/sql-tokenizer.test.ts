/** The tokenizer of SQL against SQLite; test/drivers/postgres-tokenizer.test.ts has Postgres. */
import { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseStatements, SqlTextError, tokenize } from '../../../core/bindings/sql-tokenizer.ts'
import { attempt, holds, textOf } from './holds.ts'

const SPECIAL = ["'", '"', '`', '[', ']', ';', '--', '/*', '*/', '\n', '\r', '$$', '$a$', '?', '?2', '$1', ':a', '@b',
  "E'", '\\', 'BEGIN', ' ', 'END', 'CREATE TRIGGER', 'x', '1', '.', '(', ')', 'é', '😀', '\u00a0'] // prettier-ignore
const soup = textOf(SPECIAL, 14)

/** Blanks and comments that may stand between any two tokens of SQLite. */
const gap = fc.oneof(
  { weight: 3, arbitrary: fc.constant(' ') },
  textOf([';', "'", '"', '?', ' ', 'END', '/', '-'], 4).map((text) => `/*${text.replaceAll(/\*|\0/g, '')}*/`),
  textOf([';', "'", '"', '?', ' ', 'END', '*/'], 4).map((text) => ` --${text.replaceAll(/[\n\0]/g, '')}\n`),
  fc.constantFrom('\n', '\r\n', '\t', ' \f'),
)
const quoted = textOf(["'", ';', '--', '/*', '?', '\n', '\\', '"', '$$', 'é'], 5).map(
  (text) => `'${text.replaceAll('\0', '').replaceAll("'", "''")}'`,
)
const column = fc.constantFrom(
  '"a;b"',
  '`c``d`',
  '"end"',
  'begin',
  'end',
  '[e;f]',
  '"?1"',
  'é',
  'a😀b',
  'g$h',
  'ⅷ',
)
const COLUMNS = 'a;b c`d end begin e;f ?1 é a😀b g$h ⅷ'.split(' ')
/** Expressions of columns `end` and `begin` among others, with a CASE. */
const value = fc.oneof(
  quoted,
  fc.constantFrom(
    "CASE WHEN 1 THEN 'x' ELSE 'y' END",
    "x'41'",
    '1e3',
    '.5',
    "(SELECT 'a;' UNION SELECT 'b')",
    'NULL',
  ),
  fc.constantFrom("CASE WHEN CASE WHEN 0 THEN 1 END THEN ';' ELSE 'y' END"),
)
const tokensOfInsert = fc
  .tuple(column, value)
  .map(([name, given]) => ['INSERT', 'INTO', 'log', `(${name})`, 'VALUES', `(${given})`])
const tokensOfTrigger = fc.tuple(column, column, value, fc.nat(1_000_000)).map(([name, other, given, id]) => [
  'CREATE', 'TRIGGER', `t${id}`, 'AFTER', 'UPDATE', 'OF', name, 'ON', 'log', 'WHEN', `new.${other}`, 'IS', 'NOT', 'NULL',
  'BEGIN', 'INSERT', 'INTO', 'log', `(${other})`, 'VALUES', `(${given})`, ';', 'UPDATE', 'log', 'SET', name, '=', `new.${other}`,
  ';', 'END',
]) // prettier-ignore
const tokensOfUpdate = column.map((name) => [
  'UPDATE',
  'log',
  'SET',
  name,
  '=',
  '3',
  'WHERE',
  'rowid',
  '%',
  '2',
])
const statement = fc
  .oneof(
    { weight: 3, arbitrary: tokensOfInsert },
    { weight: 2, arbitrary: tokensOfTrigger },
    tokensOfUpdate,
    fc.constant([]),
  )
  .chain((tokens) =>
    fc
      .array(gap, { minLength: tokens.length + 1, maxLength: tokens.length + 1 })
      .map((gaps) => gaps.map((one, index) => one + (tokens[index] ?? '')).join('')),
  )
const script = fc.array(statement, { maxLength: 5 }).map((all) => all.join(';'))

/** What a script leaves in an empty database with a table `log`, and whether it failed. */
function leaves(run: (database: DatabaseSync) => void): {
  failed: boolean
  rows: unknown[]
  schema: unknown[]
} {
  const database = new DatabaseSync(':memory:')
  try {
    database.exec(`CREATE TABLE log (${COLUMNS.map((name) => `"${name}"`).join(', ')})`)
    const failed = attempt(() => run(database)) instanceof Error
    const rows = database.prepare('SELECT * FROM log').all()
    return { failed, rows, schema: database.prepare('SELECT name, sql FROM sqlite_master').all() }
  } finally {
    database.close()
  }
}

describe('tokens', () => {
  it('join to the text, in each dialect', () => {
    holds(fc.tuple(soup, fc.constantFrom('portable', 'sqlite')), ([text, dialect]) => {
      let end = 0
      const read = attempt(() => {
        for (const token of tokenize(text, dialect)) {
          expect(token.start).toBe(end)
          expect(token.end).toBeGreaterThan(end)
          end = token.end
        }
      })
      if (read instanceof Error) expect(read).toBeInstanceOf(SqlTextError)
      else expect(end).toBe(text.length)
    })
  })

  it('any text is statements, or an error of the text', () => {
    holds(fc.tuple(soup, fc.constantFrom('portable', 'sqlite')), ([text, dialect]) => {
      const statements = attempt(() => parseStatements(text, dialect))
      if (statements instanceof Error) return expect(statements).toBeInstanceOf(SqlTextError)
      for (const one of statements)
        for (const { start, end } of one.placeholders) expect(one.text.slice(start, end)).toMatch(/^[?$:@]/)
    })
  })
})

describe('statements', () => {
  it('a script leaves in SQLite what its statements leave one by one', () => {
    holds(script, (text) => {
      const whole = leaves((database) => database.exec(text))
      for (const dialect of text.includes('[e;f]')
        ? (['sqlite'] as const)
        : (['sqlite', 'portable'] as const)) {
        const statements = attempt(() => parseStatements(text, dialect))
        if (dialect === 'portable' && statements instanceof SqlTextError) {
          expect(statements.message).toMatch(/comment/)
          continue
        }
        if (statements instanceof Error) throw statements
        expect(leaves((database) => statements.forEach((one) => database.exec(one.text)))).toEqual(whole)
      }
    })
  })

  it('a script that fails in SQLite fails at the same statement', () => {
    const broken = fc.tuple(script, soup, fc.nat(), fc.nat(6)).map(([text, damage, place, length]) => {
      const at = place % (text.length + 1)
      return (text.slice(0, at) + damage + text.slice(at + length)).replaceAll('\0', '').toWellFormed()
    })
    holds(broken, (text) => {
      const whole = leaves((database) => database.exec(text))
      const pieces = leaves((database) => {
        const statements = parseStatements(text, 'sqlite')
        for (const one of statements) database.exec(one.text)
      })
      expect(pieces.failed).toBe(whole.failed)
      if (!whole.failed) expect(pieces).toEqual(whole)
    })
  })

  it('placeholders are numbered as SQLite numbers them', () => {
    using database = new DatabaseSync(':memory:')
    const part = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('?', '?1', '?3', '?12') },
      quoted,
      fc.constantFrom(':a', '@a', '$a', ':b$c', '$é', '@a😀', ':a1'),
      fc.constantFrom('1 AS "?"', '/* ? */ 1', '1 -- ?\n'),
    )
    holds(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const [found] = parseStatements(`SELECT ${parts.join(', ')}`, 'sqlite')
      const numbers = found?.placeholders.map(({ number }) => number) ?? []
      const names = found?.placeholders.flatMap(({ start, end, number }): [string, number][] => {
        const name = found.text.slice(start, end)
        return name.startsWith('?') ? [] : [[name, number]]
      })
      const named = new Map(names)
      const values = Array.from({ length: Math.max(0, ...numbers) }, (_, index) => index + 1)
        .filter((number) => ![...named.values()].includes(number))
        .map((number) => `value ${number}`)
      const prepared = database.prepare(`${found?.text}`)
      prepared.setReturnArrays(true)
      prepared.setAllowBareNamedParameters(false)
      const byName = Object.fromEntries([...named].map(([name, number]) => [name, `value ${number}`]))
      const row = prepared.get(byName, ...values) as unknown as unknown[]
      const shown = row.filter((cell) => typeof cell === 'string' && /^value \d+$/.test(cell))
      expect(shown).toEqual(numbers.map((number) => `value ${number}`))
    })
  })
})

describe('texts that were read wrong', () => {
  const texts = (text: string, dialect?: 'sqlite'): string[] =>
    parseStatements(text, dialect).map((one) => one.text)

  it('a column named end does not end a trigger', () => {
    const trigger =
      'CREATE TRIGGER t AFTER UPDATE ON a BEGIN UPDATE a SET end = new.end; DELETE FROM b WHERE end > 1; END'
    expect(texts(`${trigger}; SELECT 1`)).toEqual([trigger, 'SELECT 1'])
  })

  it('a body of BEGIN ATOMIC belongs to its function', () => {
    const made =
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END'
    expect(texts(`${made}; SELECT 1`)).toEqual([made, 'SELECT 1'])
  })

  it('a quote after a backslash is within an E string, and closes any other', () => {
    expect(texts("SELECT E'it\\'s; ?', ?; SELECT 2")).toEqual(["SELECT E'it\\'s; ?', ?", 'SELECT 2'])
    expect(texts("SELECT 'a\\'; SELECT 2")).toEqual(["SELECT 'a\\'", 'SELECT 2'])
  })

  it('a comment that ends at a carriage return for Postgres alone is refused', () => {
    expect(() => texts('SELECT 1 -- a\rFROM x; SELECT 2')).toThrow('a carriage return ends the comment')
    expect(texts('SELECT 1 -- a\r\n; SELECT 2 -- b\r')).toEqual(['SELECT 1', 'SELECT 2'])
  })

  it('a no-break space is a letter, as it is for the engines', () => {
    expect(parseStatements('\u00a0BEGIN')[0]?.keyword).toBe('\u00a0BEGIN')
  })

  it('a name goes on over characters that are no letters', () => {
    expect(parseStatements('SELECT a😀$1')[0]?.placeholders).toEqual([])
    expect(parseStatements('SELECT :a😀, :a', 'sqlite')[0]?.placeholders.map(({ number }) => number)).toEqual(
      [1, 2],
    )
  })
})
