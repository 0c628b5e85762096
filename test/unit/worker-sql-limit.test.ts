import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { explainRowId, withoutLimit } from '../../core/compat/workers/sql-limit.ts'

// What the rewritten statements do is a part of the Workers suite (workers-d1-200, workers-object-240).
describe('a DELETE or UPDATE with LIMIT', () => {
  test('other statements stay as they are', () => {
    for (const text of [
      'SELECT 1',
      'DELETE FROM t',
      "UPDATE t SET a = 'LIMIT 1'",
      'DELETE FROM t WHERE a IN (SELECT a FROM t ORDER BY a LIMIT 1)',
      'INSERT INTO t SELECT a FROM "update" ORDER BY a LIMIT 1',
      'WITH c AS (SELECT 1) SELECT * FROM c -- delete\n LIMIT 1',
      'CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE a IN (SELECT a FROM t LIMIT 1); END',
    ])
      expect(withoutLimit(text)).toBe(text)
  })

  test('a table without row ids is refused by name', () => {
    using database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE w (k PRIMARY KEY) WITHOUT ROWID')
    let message = ''
    try {
      database.exec(withoutLimit('DELETE FROM w ORDER BY k LIMIT 1'))
    } catch (error) {
      message = (error as Error).message
    }
    expect(explainRowId(message)).toContain('WITHOUT ROWID')
  })
})
