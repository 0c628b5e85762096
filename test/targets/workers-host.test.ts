import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
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
