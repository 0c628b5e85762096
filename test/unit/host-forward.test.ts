import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { comeBackMs, MAX_HOPS, passOn } from '../../adapters/isolate/host/worker/forward.ts'

it.each([1, 60_000, 330_000, 930_000])(
  'a forwarded request waits through a replacement of %s ms, in shares that let it go on soon',
  (replaceMs) => {
    const waits = Array.from({ length: MAX_HOPS }, (_, hops) => comeBackMs(hops, replaceMs))
    expect(waits[0]).toBe(300)
    expect(Math.max(...waits)).toBeLessThanOrEqual(Math.max(300, replaceMs / 4))
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(replaceMs)
  },
)

// An error where the answer comes would end the process that all apps share.
it('the answer of an app is dropped where the client has been answered already', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-forward-'))
  const place = join(folder, 'app.sock')
  const asked = Promise.withResolvers<ServerResponse>()
  const inner = createServer((_, outgoing) => asked.resolve(outgoing)).listen(place)
  const passed = Promise.withResolvers<ServerResponse>()
  const front = createServer((incoming, outgoing) => {
    passOn(incoming, outgoing, {
      app: 'app',
      target: '/',
      findPlace: () => place,
      forwardKey: undefined,
      hops: 0,
    })
    passed.resolve(outgoing)
  }).listen(0, '127.0.0.1')
  await once(front, 'listening')
  try {
    const answer = fetch(`http://127.0.0.1:${(front.address() as AddressInfo).port}/`)
    const [late, outgoing] = await Promise.all([asked.promise, passed.promise])
    // As where a body comes too slowly.
    outgoing.writeHead(408, { connection: 'close' })
    outgoing.write('too ')
    late.writeHead(200)
    late.write('late')
    const closed = once(late, 'close')
    await closed
    expect(late.writableFinished).toBe(false)
    outgoing.end('slow')
    const { status, text } = await answer.then(async (got) => ({
      status: got.status,
      text: await got.text(),
    }))
    expect([status, text]).toEqual([408, 'too slow'])
  } finally {
    front.close()
    inner.close()
    await rm(folder, { recursive: true })
  }
})
