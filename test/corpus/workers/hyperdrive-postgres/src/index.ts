import postgres from 'postgres'

interface Env {
  HYPERDRIVE: Hyperdrive
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname } = new URL(request.url)
    const sql = postgres(env.HYPERDRIVE.connectionString, { max: 5, fetch_types: false, onnotice() {} })
    try {
      if (pathname === '/setup') {
        await sql`CREATE TABLE IF NOT EXISTS people (id serial PRIMARY KEY, name text NOT NULL, born date)`
        return new Response('ready')
      }
      if (pathname === '/' && request.method === 'POST') {
        const person = await request.json<{ name: string; born: string | null }>()
        const [row] = await sql`INSERT INTO people ${sql(person, 'name', 'born')} RETURNING id`
        return Response.json(row, { status: 201 })
      }
      if (pathname === '/')
        return Response.json(await sql`SELECT id, name, born::text FROM people ORDER BY id`)
      if (pathname === '/move') {
        try {
          await sql.begin(async (tx) => {
            await tx`DELETE FROM people`
            await tx`INSERT INTO people (name) VALUES (NULL)`
          })
        } catch (error) {
          return Response.json({ code: (error as { code: string }).code }, { status: 409 })
        }
      }
      if (pathname === '/error') await sql`SELECT * FROM nowhere`
      return new Response('no', { status: 404 })
    } catch (error) {
      return Response.json({ code: (error as { code: string }).code }, { status: 500 })
    } finally {
      ctx.waitUntil(sql.end())
    }
  },
} satisfies ExportedHandler<Env>
