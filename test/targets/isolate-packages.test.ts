import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import isolate from '../../adapters/isolate/index.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { checkout, tempProject } from '../unit/temp-project.ts'

/** Packages that are here for other reasons, each used as its documentation says. */
const PACKAGES = ['ajv', 'drizzle-orm', 'hono', 'kysely', 'lru-cache', 'nanoid', 'semver', 'yaml', 'zod']

const APP = `
import Ajv from 'ajv'
import { sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { Hono } from 'hono'
import { sign, verify } from 'hono/jwt'
import { etag } from 'hono/etag'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { LRUCache } from 'lru-cache'
import { nanoid } from 'nanoid'
import semver from 'semver'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { defineApp } from 'unmoor'

const app = new Hono()
app.use(etag())
app.get('/', async (c) => {
  const users = sqliteTable('users', { id: integer('id').primaryKey(), name: text('name') })
  const database = drizzle(async (query, params) => ({ rows: [[1, query + params]] }))
  const kysely = new Kysely({ dialect: { createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (db) => new SqliteIntrospector(db), createQueryCompiler: () => new SqliteQueryCompiler() } })
  const cache = new LRUCache({ max: 2 })
  for (const key of ['a', 'b', 'c']) cache.set(key, 1)
  const token = await sign({ sub: 'x' }, 'secret', 'HS256')
  return c.json({
    ajv: new Ajv().compile({ type: 'object', required: ['a'] })({ b: 1 }),
    drizzle: await database.select({ id: users.id, name: users.name }).from(users).where(drizzleSql\`\${users.id} = \${7}\`),
    jwt: (await verify(token, 'secret', 'HS256')).sub,
    kysely: kysely.selectFrom('person').select('id').where('age', '>', 18).compile().sql,
    lru: [...cache.keys()],
    nanoid: nanoid().length,
    semver: semver.satisfies('1.2.3', '^1.0.0'),
    yaml: parse(stringify({ a: [1, { b: 'c' }] })),
    zod: z.object({ a: z.number() }).safeParse({ a: 'x' }).success,
  })
})
export default defineApp({ fetch: app.fetch })
`

it('packages of the ecosystem run in an isolate as they are', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  for (const name of PACKAGES.filter((name) => name !== 'hono'))
    await symlink(join(checkout, 'node_modules', name), join(project.dir, 'node_modules', name))
  const built = await buildApp({ projectDir: project.dir, target: 'isolate', adapter: isolate })
  const lines: string[] = []
  const runtime = await isolate.start({
    dir: built.outDir,
    info: built.info,
    dataDir: join(project.dir, 'data'),
    port: 0,
    variables: {},
    onOutput: (line) => lines.push(line),
    log: { info() {}, warn() {} },
  })
  try {
    const response = await fetch(runtime.url)
    expect(response.status, lines.join('\n')).toBe(200)
    expect(response.headers.get('etag')).toMatch(/^"/)
    expect(await response.json()).toEqual({
      ajv: false,
      drizzle: [{ id: 1, name: 'select "id", "name" from "users" where "users"."id" = ?7' }],
      jwt: 'x',
      kysely: 'select "id" from "person" where "age" > ?',
      lru: ['c', 'b'],
      nanoid: 21,
      semver: true,
      yaml: { a: [1, { b: 'c' }] },
      zod: false,
    })
  } finally {
    await runtime.stop()
  }
})
