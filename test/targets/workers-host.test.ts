import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { redisInstalled, startRedis } from '../drivers/redis-server.ts'
import { startHostLab } from './host-lab.ts'
import { buildWorker } from './worker-lab.ts'

const ROOM = `
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers'
export class Room extends DurableObject {
  memory = 0
  async hit() {
    const stored = ((await this.ctx.storage.get('stored')) ?? 0) + 1
    await this.ctx.storage.put('stored', stored)
    return { stored, memory: ++this.memory }
  }
}
export class Api extends WorkerEntrypoint {
  hit(name) {
    return this.env.ROOM.getByName(name).hit()
  }
  fails() {
    throw new RangeError('from the other Worker')
  }
}
export default {
  async fetch(request, env) {
    return Response.json({ ...(await env.ROOM.getByName('a').hit()), big: (await env.DB.prepare('SELECT 9007199254740993 AS n').first('n')) > 1 })
  },
  queue() {},
}
`
const FRONT = `
export default {
  async fetch(request, env) {
    const error = await env.ROOM.fails().catch((error) => error)
    return Response.json({ hit: await env.ROOM.hit('a'), error: [error.name, error.message], plain: (await env.PLAIN.fetch(request)).status })
  },
}
`

test('Workers on a host: an object is one over all processes, and Workers call each other with the token that they share', async () => {
  const room = await buildWorker(
    {
      name: 'room',
      durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] },
      d1_databases: [{ binding: 'DB', database_id: 'db' }],
      // Delays that no queue of unmoor's own has.
      queues: { consumers: [{ queue: 'jobs', retry_delay: 2000 }] },
      secrets: { required: ['UNMOOR_SERVICE_TOKEN'] },
    },
    ROOM,
  )
  const services = [
    { binding: 'ROOM', service: 'room', entrypoint: 'Api' },
    { binding: 'PLAIN', service: 'room' },
  ]
  const front = await buildWorker({ name: 'front', services }, FRONT)
  try {
    const variables = { UNMOOR_SERVICE_TOKEN: 'shared' }
    await using lab = await startHostLab({
      apps: { room: { dir: room, variables }, front: { dir: front, variables, services: ['room'] } },
    })
    for (let count = 1; count <= 8; count++)
      expect(JSON.parse((await lab.send('room')).text)).toEqual({ stored: count, memory: count, big: true })
    expect(JSON.parse((await lab.send('front')).text)).toEqual({
      hit: { stored: 9, memory: 9 },
      error: ['RangeError', 'from the other Worker'],
      plain: 200,
    })
    // Without the token a call from outside is a request like any other.
    const forged = await lab.send('room', {
      method: 'POST',
      path: '/__unmoor/rpc',
      headers: { 'unmoor-service-token': 'guessed' },
      body: '["object","entrypoint","Api","method","hit"]',
    })
    expect(JSON.parse(forged.text)).toMatchObject({ big: true })

    // The same where a debugger is let in.
    const apps = { room: { dir: room, variables }, front: { dir: front, variables, services: ['room'] } }
    await using inspected = await startHostLab({ apps }, [{ app: 'room', port: 0 }])
    for (let count = 1; count <= 2; count++)
      expect(JSON.parse((await inspected.send('room')).text)).toEqual({
        stored: count,
        memory: count,
        big: true,
      })
    expect(JSON.parse((await inspected.send('front')).text)).toMatchObject({
      hit: { stored: 3, memory: 3 },
      plain: 200,
    })
  } finally {
    for (const dir of [room, front]) await rm(dir, { recursive: true, force: true })
  }
})

const COUNTED = `
export default {
  async fetch(request, env) {
    await request.text()
    if (new URL(request.url).pathname === '/limit') return Response.json(await env.LIMITER.limit({ key: 'k' }))
    const fronted = request.headers.get('x-from') === null ? undefined : await env.NEXT?.fetch(new Request(request, { headers: { ...Object.fromEntries(request.headers) } }))
    return fronted ?? new Response(request.headers.get('cf-connecting-ip') + ' ' + [...request.headers.keys()].filter((name) => name === 'cf-connecting-ip').length)
  },
}
`

test('a host tells Workers their client, and its processes count their rate limits together where its config names Redis', async () => {
  const limits = { ratelimits: [{ name: 'LIMITER', namespace_id: '1', simple: { limit: 5, period: 60 } }] }
  const counted = await buildWorker({ name: 'counted', ...limits }, COUNTED)
  const services = [{ binding: 'NEXT', service: 'counted' }]
  const caller = await buildWorker({ name: 'caller', services, ...limits }, COUNTED)
  const apps = {
    counted: { dir: counted },
    caller: { dir: caller, services: ['counted'], variables: { UNMOOR_SERVICE_TOKEN: 't' } },
  }
  const server = redisInstalled ? await startRedis() : undefined
  try {
    const drivers = server === undefined ? {} : { counter: { driver: 'redis', url: server.url } }
    await using lab = await startHostLab({ apps, drivers })
    const forged = { 'cf-connecting-ip': '6.6.6.6' }
    for (const body of [undefined, 'short', 'long'.repeat(100_000)])
      expect(
        await lab.send('counted', {
          method: body === undefined ? 'GET' : 'POST',
          body: body ?? '',
          headers: forged,
        }),
      ).toMatchObject({ text: '127.0.0.1 1' })
    // A call by a service binding has no address: what the caller passes on is its own client's.
    const through = await lab.send('caller', { headers: { ...forged, 'x-from': 'caller' } })
    expect(through).toMatchObject({ text: '127.0.0.1 1' })
    if (server === undefined) return
    const answers: boolean[] = []
    for (let call = 0; call < 12; call++)
      answers.push(
        (JSON.parse((await lab.send('counted', { path: '/limit' })).text) as { success: boolean }).success,
      )
    expect(answers.filter(Boolean)).toHaveLength(5)
  } finally {
    await server?.stop()
    for (const dir of [counted, caller]) await rm(dir, { recursive: true, force: true })
  }
})
