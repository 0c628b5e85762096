import { expect, test } from 'vitest'
import type { Migration } from '../../core/bindings/migrations.ts'
import { contractingStatements } from '../../core/tools/deploy/expansion.ts'

const migration = (sql: string, name = '0002_b'): Migration => ({ name, checksum: '', sql: { default: sql } })
const contracting = (sql: string): string[] => contractingStatements([migration(sql)], 'postgres')

test.each([
  'CREATE TABLE a (x INTEGER NOT NULL)',
  'CREATE INDEX a_x ON a (x)',
  'ALTER TABLE a ADD COLUMN y TEXT',
  'ALTER TABLE a ADD y TEXT',
  'ALTER TABLE public.a ADD COLUMN y TEXT, ADD COLUMN z INTEGER NOT NULL DEFAULT 0',
  'ALTER TABLE IF EXISTS ONLY "drop" ADD COLUMN "rename" TEXT',
  `ALTER TABLE a ADD COLUMN y NUMERIC(10, 2) DEFAULT 0`,
  'ALTER TABLE a ALTER COLUMN x DROP NOT NULL',
  'ALTER TABLE a ALTER COLUMN x SET DEFAULT 1',
  "ALTER TYPE mood ADD VALUE 'DROP'",
  "INSERT INTO a VALUES ('DROP TABLE a')",
  'UPDATE a SET y = 1 WHERE y IS NULL -- DROP TABLE a',
])('%s: code of the version before survives it', (sql) => {
  expect(contracting(sql)).toEqual([])
})

test.each([
  'DROP TABLE a',
  'DROP INDEX a_x',
  'DELETE FROM a',
  'TRUNCATE a',
  'CREATE UNIQUE INDEX a_x ON a (x)',
  'CREATE OR REPLACE VIEW v AS SELECT 1',
  'ALTER TABLE a RENAME TO b',
  'ALTER TABLE a RENAME COLUMN x TO y',
  'ALTER TABLE a DROP COLUMN x',
  'ALTER TABLE a ADD COLUMN y TEXT, DROP COLUMN x',
  'ALTER TABLE a ADD COLUMN y TEXT NOT NULL',
  'ALTER TABLE a ADD COLUMN y TEXT UNIQUE',
  'ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0)',
  'ALTER TABLE a ALTER COLUMN x TYPE BIGINT',
  'ALTER TABLE a ALTER COLUMN x SET NOT NULL',
  "ALTER TYPE mood RENAME VALUE 'a' TO 'b'",
  'WITH old AS (DELETE FROM a RETURNING x) INSERT INTO b SELECT x FROM old',
])('%s: code of the version before may not survive it', (sql) => {
  expect(contracting(sql)).toEqual([`0002_b: ${sql}`])
})

test('tables that the same migrations create may change in any way', () => {
  const own = [
    migration('CREATE TABLE IF NOT EXISTS n (x TEXT); CREATE UNIQUE INDEX n_x ON n (x)', '0001_a'),
    migration('DROP TABLE "n"'),
  ]
  expect(contractingStatements(own, 'sqlite')).toEqual([])
})

test('a new table that takes the place of an old one is named', () => {
  const swap =
    'CREATE TABLE a_new (x TEXT); INSERT INTO a_new SELECT x FROM a; DROP TABLE a; ALTER TABLE a_new RENAME TO a'
  expect(contracting(swap)).toEqual(['0002_b: DROP TABLE a', '0002_b: ALTER TABLE a_new RENAME TO a'])
})
