import { env, RpcTarget, WorkerEntrypoint, waitUntil } from 'cloudflare:workers'

class Cart extends RpcTarget {
  #items = new Map<string, number>()
  add(name: string, price: number) {
    this.#items.set(name, price)
    return this.#items.size
  }
  get total() {
    return [...this.#items.values()].reduce((a, b) => a + b, 0)
  }
  async each(callback: (name: string, price: number) => void) {
    for (const [name, price] of this.#items) await callback(name, price)
  }
}

export class Users extends WorkerEntrypoint<Env, { role?: string }> {
  find(id: number) {
    if (id > 100) throw new RangeError(`no user ${id}`)
    return {
      id,
      name: `user ${id}`,
      since: new Date(0),
      tags: new Set(['a']),
      role: this.ctx.props?.role ?? 'guest',
    }
  }
  cart() {
    return new Cart()
  }
  get version() {
    return 7
  }
  nested() {
    return { list: [1, 2], cart: new Cart(), double: (n: number) => n * 2 }
  }
  async stream(parts: string[]) {
    return new Response(parts.join('-')).body!
  }
  async fetch(request: Request) {
    return new Response(`users: ${request.method} ${new URL(request.url).pathname} ${await request.text()}`)
  }
}

export default class extends WorkerEntrypoint<Env> {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/user': {
        const user = await this.env.USERS.find(Number(searchParams.get('id'))).catch((error: Error) => error)
        if (user instanceof Error) return new Response(`${user.name}: ${user.message}`, { status: 500 })
        return Response.json({ ...user, tags: [...user.tags], date: user.since instanceof Date })
      }
      case '/admin':
        return Response.json((await this.env.ADMIN.find(2)).role)
      case '/cart': {
        using cart = await this.env.USERS.cart()
        const sizes = [await cart.add('apple', 2), await cart.add('pear', 3)]
        const seen: string[] = []
        await cart.each((name: string, price: number) => void seen.push(`${name}:${price}`))
        return Response.json({ sizes, total: await cart.total, seen })
      }
      case '/pipelined':
        return Response.json(await this.env.USERS.cart().add('one', 1))
      case '/nested': {
        const { list, cart, double } = await this.env.USERS.nested()
        return Response.json([list, await cart.add('x', 7), await cart.total, await double(21)])
      }
      case '/deep':
        return Response.json([await this.env.USERS.nested().list, await this.env.USERS.nested().cart.total])
      case '/property':
        return Response.json([await this.env.USERS.version, typeof (await this.env.USERS.cart)])
      case '/probe': {
        const error = await this.env.USERS.find(101).catch((error: unknown) => error)
        const promise = this.env.USERS.find(1)
        const found = await promise
        const cart = await this.env.USERS.cart()
        using twin = cart.dup()
        cart[Symbol.dispose]()
        return Response.json([
          [error.name, error.message, error.remote, error instanceof RangeError],
          [
            typeof promise.then,
            typeof promise[Symbol.dispose],
            typeof found[Symbol.dispose],
            Object.keys(found),
          ],
          [typeof this.env.USERS[Symbol.dispose], await twin.add('z', 1)],
        ])
      }
      case '/stream':
        return new Response(await this.env.USERS.stream(['a', 'b', 'ü']))
      case '/fetch':
        return this.env.USERS.fetch('http://users/some/path', { method: 'PUT', body: 'body' })
      case '/self':
        return this.env.SELF.fetch(new URL('/admin', request.url))
      case '/env': {
        waitUntil(Promise.resolve())
        return Response.json([typeof env.USERS.fetch, typeof this.env.CF_VERSION_METADATA.id])
      }
      default:
        return new Response('nothing here', { status: 404 })
    }
  }
}
