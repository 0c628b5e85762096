import { Client } from 'pg'

interface Env {
  HYPERDRIVE: Hyperdrive
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname } = new URL(request.url)
    const client = new Client({ connectionString: env.HYPERDRIVE.connectionString })
    await client.connect()
    try {
      if (pathname === '/setup') {
        await client.query(
          'CREATE TABLE IF NOT EXISTS people (id serial PRIMARY KEY, name text NOT NULL, born date)',
        )
        return new Response('ready')
      }
      if (pathname === '/' && request.method === 'POST') {
        const { name, born } = await request.json<{ name: string; born: string | null }>()
        const { rows } = await client.query('INSERT INTO people (name, born) VALUES ($1, $2) RETURNING id', [
          name,
          born,
        ])
        return Response.json(rows[0], { status: 201 })
      }
      if (pathname === '/') {
        const { rows } = await client.query({
          text: 'SELECT id, name, born::text FROM people ORDER BY id',
          rowMode: 'array',
        })
        return Response.json(rows)
      }
      if (pathname === '/move') {
        try {
          await client.query('BEGIN')
          await client.query('DELETE FROM people')
          await client.query('INSERT INTO people (name) VALUES (NULL)')
          await client.query('COMMIT')
        } catch (error) {
          await client.query('ROLLBACK')
          return Response.json({ code: (error as { code: string }).code }, { status: 409 })
        }
      }
      if (pathname === '/error') await client.query('SELECT * FROM nowhere')
      return new Response('no', { status: 404 })
    } catch (error) {
      return Response.json({ code: (error as { code: string }).code }, { status: 500 })
    } finally {
      ctx.waitUntil(client.end())
    }
  },
} satisfies ExportedHandler<Env>
