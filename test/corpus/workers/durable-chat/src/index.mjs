import { DurableObject } from 'cloudflare:workers'

export default {
  async fetch(request, env) {
    const url = new URL(request.url)
    const [, kind, name, action] = url.pathname.split('/')
    if (kind === 'limit') {
      const stub = env.LIMITERS.get(env.LIMITERS.idFromName(name))
      return stub.fetch('https://limiter.internal/', { method: 'POST' })
    }
    if (kind !== 'room' || !name) return new Response('Not found', { status: 404 })
    const room = env.ROOMS.getByName?.(name) ?? env.ROOMS.get(env.ROOMS.idFromName(name))
    if (request.method === 'POST') {
      try {
        return Response.json(await room.say(await request.json()), { status: 201 })
      } catch (error) {
        return Response.json(
          {
            name: error.name,
            message: error.message,
            remote: error.remote,
            keys: Object.keys(error),
            kind: error.constructor.name,
          },
          { status: 400 },
        )
      }
    }
    if (action === 'page') return room.fetch(request)
    return Response.json(await room.history(Number(url.searchParams.get('after') ?? 0)))
  },
}

export class ChatRoom extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env)
    this.sql = ctx.storage.sql
    ctx.blockConcurrencyWhile(async () => {
      this.sql.exec(`CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY, author TEXT, body TEXT NOT NULL, flagged INTEGER DEFAULT 0
      ); CREATE INDEX IF NOT EXISTS by_author ON messages (author)`)
      this.visits = ((await ctx.storage.get('visits')) ?? 0) + 1
      await ctx.storage.put('visits', this.visits)
    })
  }

  say({ author, body }) {
    if (typeof body !== 'string' || body === '') throw new TypeError('body is missing')
    const { id } = this.sql
      .exec('INSERT INTO messages (author, body) VALUES (?, ?) RETURNING id', author ?? null, body)
      .one()
    return { id, count: this.sql.exec('SELECT count(*) AS n FROM messages').one().n }
  }

  history(after) {
    const cursor = this.sql.exec('SELECT * FROM messages WHERE id > ? ORDER BY id', after)
    return { columns: cursor.columnNames, rows: [...cursor.raw()], visits: this.visits }
  }

  async fetch(request) {
    const rows = this.sql.exec('SELECT author, body FROM messages').toArray()
    return new Response(
      `${new URL(request.url).pathname}\n${rows.map((row) => `${row.author}: ${row.body}`).join('\n')}`,
    )
  }
}

const PER_WINDOW = 3

export class RateLimiter {
  constructor(state) {
    this.state = state
  }
  async fetch() {
    const { storage } = this.state
    const taken = await storage.transaction(async (txn) => {
      const count = ((await txn.get('count')) ?? 0) + 1
      if (count > PER_WINDOW) txn.rollback()
      else await txn.put('count', count)
      return count
    })
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + 3_600_000)
    const headers = { 'x-left': String(Math.max(0, PER_WINDOW - taken)) }
    return new Response(taken > PER_WINDOW ? 'too many' : 'ok', {
      status: taken > PER_WINDOW ? 429 : 200,
      headers,
    })
  }
  async alarm() {
    await this.state.storage.deleteAll()
  }
}
