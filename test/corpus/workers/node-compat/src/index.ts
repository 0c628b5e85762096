import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { Buffer } from 'node:buffer'
import crypto, { createHash, createHmac, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import path from 'node:path'
import { parse as parseQuery } from 'node:querystring'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import util, { promisify } from 'node:util'

const store = new AsyncLocalStorage<{ id: string }>()
const deep = async () => {
  await sleep(1)
  await new Promise((done) => queueMicrotask(() => done(null)))
  return store.getStore()?.id
}

const routes: Record<string, (request: Request) => unknown> = {
  '/hash': () => ({
    sha: createHash('sha256').update('a').update(Buffer.from('ü')).digest('hex'),
    md5: createHash('md5').update('a').digest('base64'),
    hmac: createHmac('sha1', 'key').update('data').digest('base64url'),
    scrypt: scryptSync('pw', 'salt', 16, { N: 1024 }).toString('hex'),
    equal: timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
    uuid: randomUUID().length,
    web: typeof crypto.webcrypto.subtle.digest,
  }),
  '/als': async () => Promise.all(['a', 'b'].map((id) => store.run({ id }, deep))),
  '/events': async () => {
    const emitter = new EventEmitter()
    setTimeout(() => emitter.emit('ready', 1, 2), 1)
    return once(emitter, 'ready')
  },
  '/stream': async () => {
    const parts: string[] = []
    const upper = new Transform({
      transform(chunk, _, done) {
        done(null, String(chunk).toUpperCase())
      },
    })
    await pipeline(Readable.from(['a', 'b', 'ü']), upper, async (source) => {
      for await (const chunk of source) parts.push(String(chunk))
    })
    return parts.join('')
  },
  '/util': () => ({
    inspect: util.inspect({ a: [1, { b: new Map([['x', 1]]) }], d: new Date(0) }),
    format: util.format('%s %d %j', 'a', 1, { b: 2 }),
    types: util.types.isDate(new Date()),
    deep: util.isDeepStrictEqual({ a: [1] }, { a: [1] }),
    promisify: typeof promisify(setTimeout),
  }),
  '/path': () => [path.join('/a', '../b', './c.txt'), path.extname('a.tar.gz'), fileURLToPath('file:///a/b')],
  '/query': () => parseQuery('a=1&b=2&b=%C3%BC'),
  '/buffer': () => {
    const buffer = Buffer.alloc(8)
    buffer.writeUInt32BE(0xdeadbeef, 0)
    return [
      buffer.toString('hex'),
      Buffer.concat([buffer, Buffer.from('€')]).toString('latin1').length,
      new StringDecoder('utf8').write(Buffer.from([0xe2, 0x82])),
    ]
  },
  '/process': () => [process.env.FROM_CONFIG, typeof process.nextTick, typeof setImmediate, process.platform],
  '/assert': () => {
    try {
      assert.deepEqual({ a: 1 }, { a: 2 })
    } catch (error) {
      return [(error as Error).name, (error as { code: string }).code]
    }
  },
}

export default {
  async fetch(request: Request): Promise<Response> {
    const route = routes[new URL(request.url).pathname]
    return route === undefined
      ? new Response('no', { status: 404 })
      : Response.json((await route(request)) ?? null)
  },
}
