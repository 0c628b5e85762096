/** Cases about SQL methods of Durable Objects that the compatibility flag `experimental` adds. */
import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { hasObjects } from '../running.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const FILES = {
  'src/index.js': `
import { DurableObject } from 'cloudflare:workers'
export class Store extends DurableObject {
  ingest() {
    const { sql } = this.ctx.storage
    sql.exec('CREATE TABLE IF NOT EXISTS texts (value TEXT)')
    const insert = 'INSERT INTO texts VALUES '
    const text = insert + "('a;'); " + insert + "('b'); " + insert + "('c; d"
    const { remainder, rowsWritten, statementCount } = sql.ingest(text)
    return { remainder, rowsWritten, statementCount, values: sql.exec('SELECT value FROM texts').toArray() }
  }
  prepare() {
    const add = this.ctx.storage.sql.prepare('SELECT ? + 1 AS sum;\\n')
    return [...add(1), ...add(2)]
  }
}
export default {
  async fetch(request, env) {
    const stub = env.STORE.getByName('one')
    return Response.json(await (new URL(request.url).pathname === '/ingest' ? stub.ingest() : stub.prepare()))
  },
}
`,
}

const fixture = {
  wrangler: {
    name: 'ingest-fixture',
    main: 'src/index.js',
    compatibility_date: '2026-07-01',
    compatibility_flags: ['experimental'],
    durable_objects: { bindings: [{ name: 'STORE', class_name: 'Store' }] },
    migrations: [{ tag: 'v1', new_sqlite_classes: ['Store'] }],
  },
  files: FILES,
}

/**
 * Compares the site's answer to a path with `expected`; on a target without Durable Objects, the build must
 * refuse them.
 */
const asked =
  (path: string, expected: unknown) =>
  async (site: Site, target: string): Promise<void> => {
    if (hasObjects(target)) equal(JSON.parse(await site.text(path)), expected)
    else ok(site.failure?.includes('Durable Objects') === true, String(site.failure))
  }

export const OBJECT_INGEST_CASES: ProjectCase[] = projectCases(fixture, [
  [
    '940',
    'ingest() runs what is complete and returns the rest',
    asked('/ingest', {
      remainder: " INSERT INTO texts VALUES ('c; d",
      rowsWritten: 2,
      statementCount: 2,
      values: [{ value: 'a;' }, { value: 'b' }],
    }),
  ],
  ['941', 'prepare() makes a function of a statement', asked('/prepare', [{ sum: 2 }, { sum: 3 }])],
])
