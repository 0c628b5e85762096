import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { startWrangler } from '../../core/tools/conformance/workers/projects/wrangler.ts'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { checkout, tempProject } from '../unit/temp-project.ts'

const available = await postgresAnswers('Hyperdrive of existing Workers')
afterAll(() => admin.end())

/** As the documents of Hyperdrive have it, with each of the two clients. */
const WORKER = `
import pg from 'pg'
import postgres from 'postgres'
const paths = {
  async '/pg'({ connectionString }) {
    const client = new pg.Client({ connectionString })
    await client.connect()
    const { rows } = await client.query("SELECT $1::int + 1 AS n, repeat('x', 100000) AS big", [41])
    const stream = client.connection.stream.constructor.name
    await client.end()
    return [rows[0].n, rows[0].big.length, stream]
  },
  async '/pool'({ connectionString }) {
    const pool = new pg.Pool({ connectionString, max: 2 })
    const answers = await Promise.all([1, 2, 3].map((n) => pool.query('SELECT $1::int AS n', [n])))
    await pool.end()
    return answers.map(({ rows }) => rows[0].n)
  },
  async '/postgres'({ connectionString }) {
    const sql = postgres(connectionString, { max: 2, fetch_types: false })
    const [row] = await sql\`SELECT \${41}::int + 1 AS n, repeat('x', 100000) AS big\`
    const failed = await sql\`SELECT nothing\`.catch(({ code }) => code)
    await sql.end()
    return [row.n, row.big.length, failed]
  },
}
export default {
  async fetch(request, env) {
    return Response.json(await paths[new URL(request.url).pathname](env.DB))
  },
}
`

const LOG = { info() {}, warn() {} }

async function start(dir: string, target: string): Promise<{ url: string; stop(): Promise<void> }> {
  if (target === 'cloudflare') return startWrangler(dir)
  const config = {
    targets: { isolate: { options: { outbound: { allow: [new URL(URL_OF_SERVER).hostname] } } } },
  }
  const built = await buildApp({ projectDir: dir, target, worker: 'wrangler.jsonc', config, log: LOG })
  return built.adapter.start({
    dir: built.outDir,
    info: built.info,
    dataDir: join(dir, 'data'),
    port: 0,
    variables: { DB_URL: URL_OF_SERVER },
    log: LOG,
  })
}

describe.runIf(available)('with a server', () => {
  // wrangler is the referee.
  test.each(['cloudflare', 'node', 'isolate', 'lambda'])(
    'pg and postgres.js reach a database through Hyperdrive by their half for Workers, on %s',
    { timeout: 120_000 },
    async (target) => {
      await using project = await tempProject({
        'src/index.js': WORKER,
        'wrangler.jsonc': JSON.stringify({
          name: 'hyperdrive',
          main: 'src/index.js',
          compatibility_date: '2026-07-01',
          compatibility_flags: ['nodejs_compat'],
          hyperdrive: [{ binding: 'DB', id: '1', localConnectionString: withPassword(URL_OF_SERVER) }],
        }),
      })
      for (const name of ['pg', 'postgres'])
        await symlink(join(checkout, 'node_modules', name), join(project.dir, 'node_modules', name))
      const running = await start(project.dir, target)
      try {
        const get = async (path: string): Promise<unknown> => (await fetch(`${running.url}${path}`)).json()
        expect(await get('/pg')).toEqual([42, 100_000, 'CloudflareSocket'])
        expect(await get('/pool')).toEqual([1, 2, 3])
        expect(await get('/postgres')).toEqual([42, 100_000, '42703'])
      } finally {
        await running.stop()
      }
    },
  )
})

/** Wrangler takes no URL without one. */
function withPassword(text: string): string {
  const url = new URL(text)
  url.username ||= 'postgres'
  url.password ||= 'none'
  return url.href
}
