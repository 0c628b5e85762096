import { Redis } from '@upstash/redis'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })

export default defineApp({
  bindings,
  async fetch(request, env) {
    const redis = new Redis({ url: env.UPSTREAM_URL, token: 'secret', retry: false })
    switch (new URL(request.url).pathname) {
      case '/set':
        return Response.json(await redis.set('user', { name: 'Ädä' }, { ex: 60 }))
      case '/get':
        return Response.json(await redis.get('user'))
      case '/pipeline': {
        const pipeline = redis.pipeline()
        pipeline.incr('n')
        pipeline.hset('h', { a: 1, b: 'x' })
        pipeline.get('none')
        return Response.json(await pipeline.exec())
      }
      case '/scan': {
        const [cursor, keys] = await redis.scan(0, { match: 'u*', count: 10 })
        return Response.json({ cursor, keys })
      }
      default:
        try {
          await redis.lpush('user', 'x')
          return new Response('pushed')
        } catch (error) {
          return Response.json(
            { name: (error as Error).name, message: (error as Error).message },
            { status: 400 },
          )
        }
    }
  },
})
