/** As Hono's apps are written, without its package. */
interface Context {
  env: Record<string, never>
  var: Record<string, never>
  get(name: string): never
  set(name: string, value: unknown): void
  req: { url: string }
}
type Handler = (c: Context) => unknown

class App {
  handlers: Handler[] = []
  use(handler: Handler): void {
    this.handlers.push(handler)
  }
  async fetch(request: Request, env: unknown): Promise<Response> {
    const values = new Map<string, unknown>()
    const context = { env, var: {}, get: (name: string) => values.get(name), set: (name: string, value: unknown) => values.set(name, value), req: request }
    for (const handler of this.handlers) await handler(context as unknown as Context)
    return new Response('ok')
  }
}

export const routes = new App()
routes.use((c) => c.set('store', c.env.links))
routes.use(async (context) => {
  await context.env.links.put('context', 'x', { ttl: 1 }) // expect: kv-ttl
  const { env } = context
  await env.jobs.send({}, { delaySeconds: 1000 }) // expect: queue-delay
  await context.get('store').put('variable', 'x', { ttl: 1 }) // expect: kv-ttl
  await context.var.store.put('var', 'x', { ttl: 1 }) // expect: kv-ttl
  await respond(context)
})

async function respond({ env: { counts, files }, req }): Promise<void> {
  await counts.put(req.url, 'x', { ttl: 1 }) // expect: kv-ttl
  await files.list({ limit: 1001 }) // expect: blob-list
}
