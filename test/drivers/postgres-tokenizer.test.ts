/** The tokenizer of SQL against Postgres: what the server splits, and where it sees a placeholder. */
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { parseStatements, SqlTextError } from '../../core/bindings/sql-tokenizer.ts'
import { attempt, holdsAsync, textOf } from '../unit/properties/holds.ts'
import { admin, postgresAnswers } from './postgres-server.ts'

const answers = await postgresAnswers('postgres-tokenizer.test.ts')
afterAll(() => admin.end())

const inner = textOf(
  ["'", '"', ';', '--', '/*', '*/', '?', '$1', '$$', '$a$', '\n', '\r', '\\', 'é', '😀'],
  4,
).map((text) => text.replaceAll('\0', ''))
const gap = fc.oneof(
  { weight: 3, arbitrary: fc.constant(' ') },
  inner.map((text) => `/*${text.replaceAll(/[/*]/g, '')}*/`),
  inner.map((text) => ` --${text.replaceAll(/[\n\r]/g, '')}\n`),
  fc.constantFrom('\n', '\r\n', '\t', '\f'),
)
/** Texts of Postgres, each with the value that it has. */
const text = inner.map((value): [string, string] => [`'${value.replaceAll("'", "''")}'`, value])
const escaped = fc
  .tuple(inner, fc.constantFrom('E', 'e'), fc.constantFrom("\\'", "''"))
  .map(([value, letter, quote]): [string, string] => [
    `${letter}'${value.replaceAll('\\', '\\\\').replaceAll("'", quote)}'`,
    value,
  ])
const dollar = fc
  .tuple(inner, fc.constantFrom('$$', '$b$', '$é$', '$_1$'))
  .filter(([value, tag]) => !`${value}$`.includes(tag))
  .map(([value, tag]): [string, string] => [`${tag}${value}${tag}`, value])
const named = fc.constantFrom<[string, string]>(
  ['a$1', 'ofname'],
  ['é$2', 'ofname'],
  ['"a;?"', 'ofname'],
  ['ⅷ', 'ofname'],
)
const part = fc.oneof(text, escaped, dollar, named)
/** Column names of the subquery that `named` reads. */
const FROM = `(SELECT 'ofname' AS a$1, 'ofname' AS é$2, 'ofname' AS "a;?", 'ofname' AS ⅷ) AS x`

interface Written {
  text: string
  values: string[]
}
/** `SELECT ARRAY[...]` of parts and placeholders, with the values that it has if `$n` is `value n`. */
const statement = fc
  .array(
    fc.tuple(
      fc.oneof(part, fc.constantFrom<[string, string]>(['$1', 'value 1'], ['$2', 'value 2'])),
      gap,
      gap,
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts): Written => ({
    text: `SELECT ARRAY[${parts.map(([[sql], a, b]) => `${a}${sql}::text${b}`).join(',')}]::text[] AS found FROM ${FROM}`,
    values: parts.map(([[, value]]) => value),
  }))

describe.skipIf(!answers)('the tokenizer on Postgres', () => {
  it('statements of Postgres are split where the server splits them', async () => {
    const scripts = fc.tuple(
      fc.array(statement, { minLength: 1, maxLength: 4 }),
      fc.array(gap, { maxLength: 3 }),
    )
    await holdsAsync(scripts, async ([all, gaps]) => {
      const bare = all.map(({ text: sql }) => sql.replaceAll(/(?<![\p{L}])\$([12])(?=::text)/gu, "'value $1'"))
      const script = bare.map((sql, index) => `${sql}${gaps[index] ?? ''}`).join(';')
      const statements = parseStatements(script).map(({ text: sql }) => sql)
      expect(statements.length).toBe(bare.length)
      const found = await Promise.all(statements.map((sql) => admin.unsafe(sql)))
      expect(found.map(([row]) => row?.['found'] as string[])).toEqual(
        all.map(({ values }) => values),
      )
    }, { runs: 60 }) // prettier-ignore
  })

  it('placeholders of Postgres are found, and nothing else is one', async () => {
    await holdsAsync(statement, async ({ text: sql, values }) => {
      const [one] = parseStatements(sql)
      const numbers = one?.placeholders.map(({ number }) => number) ?? []
      expect(numbers).toEqual(
        values.flatMap((value) => (/^value \d$/.test(value) ? [Number(value.slice(6))] : [])),
      )
      const given = Array.from({ length: Math.max(0, ...numbers) }, (_, index) => `value ${index + 1}`)
      // A parameter that the statement does not use has no type.
      const [row] = await admin.unsafe(
        `${one?.text} WHERE ${given.map((_, index) => `$${index + 1}::text IS NOT NULL`).join(' AND ') || 'true'}`,
        given,
        { prepare: false },
      )
      expect(row?.['found'] as string[]).toEqual(values)
    }, { runs: 60 }) // prettier-ignore
  })

  it('what the tokenizer takes for one statement is one to the server, or an error', async () => {
    const soup = textOf(["'", '"', '`', ';', '--', '/*', '*/', '\n', '\r', '$$', '$a$', "E'", '\\', ' ', 'SELECT 1', ',', 'x', '1', 'é'], 8)
      .map((sql) => sql.replaceAll('\0', '')) // prettier-ignore
    await holdsAsync(soup, async (sql) => {
      const statements = attempt(() => parseStatements(`SELECT ${sql}`))
      if (statements instanceof SqlTextError) return
      if (statements instanceof Error) throw statements
      if (statements.length !== 1) return
      // The extended protocol refuses more than one statement with this code and message.
      const refused = await admin
        .unsafe(statements[0]?.text ?? '', [], { prepare: true })
        .then(() => '')
        .catch((error: unknown) => String(error))
      expect(refused).not.toContain('multiple commands')
    }, { runs: 200 }) // prettier-ignore
  })
})
