import { defineApp, defineBindings, sql } from 'unmoor'

const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })
const FIND = 'SELECT id FROM users WHERE name = "anna"' // the call below is marked

export default defineApp({
  bindings,
  fetch: async (_request, env) => {
    const { db } = env
    await db.run('INSERT OR REPLACE INTO users (id) VALUES (?)', ['1']) // expect: sql-insert-or
    await db.run('REPLACE INTO users (id) VALUES (?)', ['1']) // expect: sql-insert-or
    await db.run(sql`INSERT OR IGNORE INTO users (id) VALUES (${'1'})`) // expect: sql-insert-or
    await db.all("SELECT datetime('now') AS t") // expect: sql-date
    await db.all('SELECT now() AS t') // expect: sql-date
    await db.all("SELECT date('now') AS t") // expect: sql-date
    await db.all('SELECT id FROM users WHERE name = "anna"') // expect: sql-double-quotes
    await db.all(FIND) // expect: sql-double-quotes
    await db.run(`INSERT INTO users (id, name) VALUES (?, "anna")`, ['1']) // expect: sql-double-quotes
    await db.all("SELECT id FROM users WHERE name LIKE '%?%'", []) // expect: sql-placeholder-in-quotes
    await db.all('SELECT id FROM users WHERE name LIKE ?', ['a%']) // expect: sql-like-case
    await db.all('SELECT id FROM users WHERE LOWER(name) LIKE LOWER(?)', ['a%'])
    await db.all("SELECT id FROM users WHERE name LIKE '%Smith'") // expect: sql-like-case
    await db.all("SELECT id FROM users WHERE phone LIKE '+49%'")
    await db.all(`SELECT id FROM users WHERE LOWER(name) LIKE '${'x'.repeat(60)}'`) // expect: sql-like-pattern
    await db.all('SELECT id FROM users WHERE name ILIKE ?', ['a']) // expect: sql-operator
    await db.all('SELECT id FROM users LIMIT -1') // expect: sql-limit
    await db.all('SELECT id FROM users OFFSET 5') // expect: sql-limit
    await db.run('DELETE FROM users WHERE old = 1 LIMIT 10') // expect: sql-limit
    await db.all('SELECT id FROM users WHERE active = 1 AND 1 = TRUE') // expect: sql-boolean
    await db.all('SELECT ifnull(name, ?) AS name FROM users', ['']) // expect: sql-function
    await db.all('SELECT string_to_array, array_agg(name) AS names FROM users') // expect: sql-function
    await db.all('SELECT group_concat(name) AS names FROM users') // expect: sql-function
    await db.all('SELECT name AS userName FROM users') // expect: sql-name-case
    await db.all('SELECT name AS "userName" FROM users')
    await db.all('SELECT rowid FROM users') // expect: sql-rowid
    await db.all('SELECT id FROM users WHERE id == ?', [1]) // expect: sql-operator
    await db.all('SELECT id::text AS id FROM users') // expect: sql-operator
    await db.all('SELECT id FROM users WHERE id IS ?', [1]) // expect: sql-operator
    await db.all('SELECT id FROM users WHERE name GLOB ?', ['a*']) // expect: sql-operator
    await db.all('SELECT id FROM users WHERE id = $1', [1])
    await db.all('SELECT id FROM users WHERE id = @id', [1]) // expect: sql-placeholder
    await db.all('SELECT id FROM users WHERE id = :id', [1]) // expect: sql-placeholder
    await db.all('SELECT id FROM `users`') // expect: sql-quoted-name
    await db.all('SELECT [id] FROM users') // expect: sql-quoted-name
    await db.run('BEGIN') // expect: sql-transaction
    await db.run('PRAGMA foreign_keys = ON') // expect: sql-statement
    await db.run('DELETE FROM users; DELETE FROM posts') // expect: sql-multiple
    await db.all("SELECT 'open") // expect: sql-syntax
    await db.all('SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6') // expect: sql-size
    await db.all(`SELECT id FROM users WHERE id IN (${'?,'.repeat(101)}?)`, []) // expect: sql-params
    await db.all('SELECT DISTINCT ON (name) id FROM users') // expect: sql-clause
    await db.all('SELECT id FROM users FOR UPDATE') // expect: sql-clause
    await db.all('SELECT id FROM users ORDER BY name COLLATE NOCASE') // expect: sql-collate
    await db.batch([
      { text: 'INSERT INTO users (id) VALUES (?)', params: ['1'] },
      { text: 'UPDATE OR IGNORE users SET id = ?', params: ['2'] }, // expect: sql-insert-or
      sql`DELETE FROM users WHERE created < datetime(${'now'})`, // expect: sql-date
    ])
    await db.all(sql`
      SELECT id, name
      FROM users
      WHERE id = ${'1'}
        AND created > strftime('%s', 'now') -- expect: sql-date
        AND "name" = ${'x'}
    `)
    if (db.dialect === 'sqlite') await db.run('INSERT OR REPLACE INTO users (id) VALUES (?)', ['1'])
    const text = db.dialect === 'postgres' ? sql`SELECT now() AS t` : sql`SELECT datetime('now') AS t`
    await db.all(text)
    return new Response('ok')
  },
})
