import * as crypto from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import * as events from 'node:events'
import path from 'node:path'
import querystring from 'node:querystring'
import stream from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'
import url from 'node:url'
import util from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

const APP = `
import crypto from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import events from 'node:events'
import path from 'node:path'
import process from 'node:process'
import querystring from 'node:querystring'
import stream from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'
import url from 'node:url'
import util from 'node:util'
import { defineApp } from 'unmoor'
const node = { Buffer, crypto, diagnostics, events, path, process, querystring, stream, StringDecoder, timers, timersPromises, url, util, immediate: typeof setImmediate, isGlobal: global === globalThis }
const AsyncFunction = (async () => {}).constructor
export default defineApp({
  async fetch(request) {
    try {
      return Response.json({ value: await AsyncFunction('node', await request.text())(node) })
    } catch (error) {
      return Response.json({ name: error?.name, message: error?.message, code: error?.code }, { status: 299 })
    }
  },
})
`
const NODE = {
  Buffer,
  crypto,
  diagnostics,
  events,
  path,
  process,
  querystring,
  stream,
  StringDecoder,
  timers,
  timersPromises,
  url,
  util,
}

let lab: Lab
beforeAll(async () => {
  lab = await startLab({ app: APP })
})
afterAll(() => lab[Symbol.asyncDispose]())

/** Code that gives the same here, on Node, as in the isolate. */
const SAME: Readonly<Record<string, string>> = {
  'hashes in every encoding': `const { createHash } = node.crypto; return ['sha256', 'sha1', 'md5', 'sha512', 'RSA-SHA256'].flatMap((name) => ['hex', 'base64', 'base64url', 'latin1'].map((encoding) => createHash(name).update('aä').update(node.Buffer.from([1, 2])).update('ff00', 'hex').digest(encoding)))`,
  'a hash of three megabytes, and a copy on the way': `const hash = node.crypto.createHash('sha256'); for (let i = 0; i < 3; i++) hash.update(node.Buffer.alloc(1_000_003, i)); const copy = hash.copy(); return [hash.update('x').digest('hex'), copy.digest('hex'), node.crypto.createHash('shake256', { outputLength: 9 }).update('a').digest('hex')]`,
  'a hash is used once': `const hash = node.crypto.createHash('sha1'); hash.digest(); try { hash.update('x') } catch (error) { return [error.code, error.message] }`,
  'an unknown hash is an error where it is made': `try { node.crypto.createHash('nope') } catch (error) { return [error.name, error.message] }`,
  'HMACs, of text, bytes and KeyObjects': `const { createHmac, createSecretKey } = node.crypto; return ['k', node.Buffer.from('k'), createSecretKey(node.Buffer.from('k'))].map((key) => createHmac('sha256', key).update('data').digest('hex'))`,
  'crypto.hash': `return [node.crypto.hash('sha1', 'abc'), node.crypto.hash('sha256', node.Buffer.from('abc'), 'base64')]`,
  timingSafeEqual: `const { timingSafeEqual } = node.crypto; const b = node.Buffer.from('abc'); let bad; try { timingSafeEqual(b, node.Buffer.from('ab')) } catch (error) { bad = [error.name, error.code] } return [timingSafeEqual(b, node.Buffer.from('abc')), timingSafeEqual(b, node.Buffer.from('abd')), bad]`,
  'key derivation at once': `const { pbkdf2Sync, scryptSync, hkdfSync } = node.crypto; return [pbkdf2Sync('p', 's', 1000, 32, 'sha256').toString('hex'), scryptSync('p', 's', 32).toString('hex'), scryptSync('p', 's', 16, { N: 1024, r: 4, p: 2 }).toString('hex'), node.Buffer.from(hkdfSync('sha256', 'key', 'salt', 'info', 42)).toString('hex')]`,
  'key derivation later, with callbacks and promises': `const { pbkdf2, scrypt, hkdf } = node.crypto; const { promisify } = node.util; return [(await promisify(pbkdf2)('p', 's', 200_000, 32, 'sha512')).toString('hex'), (await promisify(scrypt)('p', 's', 64)).toString('hex'), (await promisify(scrypt)('p', 's', 64, { N: 2048 })).toString('hex'), node.Buffer.from(await promisify(hkdf)('sha512', 'key', 'salt', 'info', 10)).toString('hex')]`,
  ciphers: `const { createCipheriv, createDecipheriv } = node.crypto; const out = []; for (const [name, size, ivSize] of [['aes-256-cbc', 32, 16], ['aes-128-ctr', 16, 16], ['aes-256-ecb', 32, 0]]) { const key = node.Buffer.alloc(size, 1); const iv = ivSize === 0 ? null : node.Buffer.alloc(ivSize, 2); const cipher = createCipheriv(name, key, iv); const sealed = cipher.update('some text', 'utf8', 'hex') + cipher.final('hex'); const decipher = createDecipheriv(name, key, iv); out.push(sealed, decipher.update(sealed, 'hex', 'utf8') + decipher.final('utf8')) } return out`,
  'sealed ciphers': `const { createCipheriv, createDecipheriv } = node.crypto; const key = node.Buffer.alloc(32, 1); const iv = node.Buffer.alloc(12, 2); const cipher = createCipheriv('aes-256-gcm', key, iv); cipher.setAAD(node.Buffer.from('head')); const sealed = node.Buffer.concat([cipher.update('text'), cipher.final()]); const tag = cipher.getAuthTag(); const open = (tag) => { const decipher = createDecipheriv('aes-256-gcm', key, iv); decipher.setAAD(node.Buffer.from('head')); decipher.setAuthTag(tag); return decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8') }; let refused; try { open(node.Buffer.alloc(16)) } catch (error) { refused = error.message } return [sealed.toString('hex'), tag.toString('hex'), open(tag), refused]`,
  'keys and signatures': `const { generateKeyPairSync, createPrivateKey, createPublicKey, sign, verify, createSign, createVerify } = node.crypto; const out = []; for (const [type, options, digest] of [['ec', { namedCurve: 'P-256' }, 'sha256'], ['ed25519', {}, null]]) { const { publicKey, privateKey } = generateKeyPairSync(type, options); const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }); const again = createPrivateKey(pem); const jwk = createPublicKey(again).export({ format: 'jwk' }); const signature = sign(digest, node.Buffer.from('data'), again); out.push(pem.startsWith('-----BEGIN PRIVATE KEY'), again.asymmetricKeyType, jwk.kty, again.equals(privateKey), verify(digest, 'data', publicKey, signature), verify(digest, 'datum', publicKey, signature), verify(digest, 'data', { key: jwk, format: 'jwk' }, signature)) } return out`,
  'RSA, made later': `const { privateKey, publicKey } = await node.util.promisify(node.crypto.generateKeyPair)('rsa', { modulusLength: 1024, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } }); const { createSign, createVerify, constants, publicEncrypt, privateDecrypt } = node.crypto; const signature = createSign('RSA-SHA256').update('a').update('b').sign(privateKey, 'base64'); const pss = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }; const signed = createSign('sha256').update('x').sign(pss); return [createVerify('RSA-SHA256').update('ab').verify(publicKey, signature, 'base64'), createVerify('sha256').update('x').verify({ ...pss, key: publicKey }, signed), privateDecrypt(privateKey, publicEncrypt(publicKey, node.Buffer.from('hi'))).toString()]`,
  'what is no key': `try { node.crypto.createPrivateKey('nonsense') } catch (error) { return [error.name, typeof error.message] }`,
  x25519: `const { generateKeyPairSync, diffieHellman } = node.crypto; const [a, b] = [generateKeyPairSync('x25519'), generateKeyPairSync('x25519')]; return diffieHellman({ privateKey: a.privateKey, publicKey: b.publicKey }).equals(diffieHellman({ privateKey: b.privateKey, publicKey: a.publicKey }))`,
  random: `const { randomBytes, randomInt, randomUUID, randomFillSync, getRandomValues, webcrypto, subtle } = node.crypto; return [randomBytes(70_000).length, randomBytes(4).toString('hex').length, [...Array(50)].every(() => { const n = randomInt(3, 6); return n >= 3 && n < 6 }), randomUUID().length, randomFillSync(new Uint32Array(4)).some((n) => n > 0), getRandomValues(new Uint8Array(3)).length, typeof webcrypto.subtle, typeof subtle.digest, await new Promise((resolve) => randomBytes(3, (error, bytes) => resolve([error, bytes.length])))]`,
  path: `const { path } = node; return [path.join('/a', '../b', 'c.txt'), path.basename('/x/y.tar.gz', '.gz'), path.extname('a.b.c'), path.resolve('/a', 'b', '..'), path.relative('/a/b', '/a/c/d'), path.parse('/home/u/f.txt').name, path.sep, path.isAbsolute('a'), path.dirname('/a/b/c'), path.normalize('/a//b/../c')]`,
  url: `const { url } = node; const { host, pathname, query } = url.parse('http://u:p@h:80/p/a?x=1&y=2#z', true); return [host, pathname, { ...query }, url.format({ protocol: 'https', host: 'h', pathname: '/p' }), url.resolve('/one/two', '../three'), url.fileURLToPath('file:///a/b'), url.URL === URL]`,
  'timers are objects, of the globals too': `const seen = []; for (const start of [setTimeout, setInterval, node.timers.setTimeout, node.timers.setInterval]) { const timer = start(() => {}, 1e6); seen.push(typeof timer, timer.unref() === timer, timer.hasRef(), timer.ref().hasRef(), typeof timer.refresh, +timer > 0, timer.close() === timer); clearTimeout(timer); clearInterval(+timer) } return seen`,
  'a timer is cleared by itself and by its number, and refreshed': `const fired = []; const wait = node.timersPromises.setTimeout; const until = async (count) => { while (fired.length < count) await wait(1) }; clearTimeout(setTimeout(() => fired.push('cleared'), 1)); clearTimeout(+setTimeout(() => fired.push('by number'), 1)); clearTimeout(String(+setTimeout(() => fired.push('by text'), 1))); const again = setTimeout((value) => fired.push(value), 5, 'again'); await until(1); again.refresh(); await until(2); let times = 0; await new Promise((done) => { const often = setInterval(() => { if (++times === 3) done(clearInterval(often)) }, 1) }); await wait(20); return [fired, times]`,
  querystring: `return [{ ...node.querystring.parse('a=1&a=2&b=%20x') }, node.querystring.stringify({ a: [1, 2], b: 'ä' })]`,
  string_decoder: `const cut = (encoding, bytes) => { const decoder = new node.StringDecoder(encoding); return [...bytes].map((byte) => decoder.write(node.Buffer.from([byte]))).join('|') + '#' + decoder.end() }; const bytes = node.Buffer.from('a€😀'); return [cut('base64', bytes), cut('hex', bytes), cut('latin1', bytes), new node.StringDecoder('utf8').write(bytes), cut('utf8', bytes).replaceAll('|', '')]`,
  timers: `const seen = []; const { timers, timersPromises } = node; const timer = timers.setTimeout(() => seen.push('never'), 5).unref(); timers.clearTimeout(timer); timers.setImmediate((x) => seen.push(x), 'now'); await timersPromises.setTimeout(15); const value = await node.util.promisify(timers.setTimeout)(1, 'later'); const controller = new AbortController(); const stopped = timersPromises.setTimeout(1000, null, { signal: controller.signal }).catch((error) => error.code); controller.abort(); let ticks = 0; for await (const _ of timersPromises.setInterval(2)) if (++ticks === 2) break; return [seen, value, await stopped, ticks]`,
  streams: `const { Readable, Transform, PassThrough, Writable, promises, Stream } = node.stream; const seen = []; await promises.pipeline(Readable.from(['a', 'b', 'c']), new Transform({ objectMode: true, transform(chunk, _, done) { done(null, String(chunk).toUpperCase()) } }), new Writable({ objectMode: true, write(chunk, _, done) { seen.push(chunk.toString()); setTimeout(done, 1) } })); const through = new PassThrough(); through.end(node.Buffer.from('bytes')); let text = ''; for await (const chunk of through) text += chunk; function Old() { Stream.call(this) } node.util.inherits(Old, Stream); const failed = await promises.pipeline(new Readable({ read() { this.destroy(new Error('broken')) } }), new PassThrough()).catch((error) => error.message); return [seen, text, new Old() instanceof Stream, failed]`,
  'events of old': `const { inherits } = node.util; function Old() { node.events.EventEmitter.call(this) } inherits(Old, node.events.EventEmitter); const old = new Old(); const seen = []; old.once('x', (v) => seen.push(v)); old.emit('x', 1); old.emit('x', 2); class New extends node.events.EventEmitter {} return [seen, new New() instanceof node.events.EventEmitter, old.listenerCount('x')]`,
  diagnostics_channel: `const { channel, subscribe, tracingChannel } = node.diagnostics; const seen = []; subscribe('c', (message, name) => seen.push([message, name])); channel('c').publish(1); const tracing = tracingChannel('t'); tracing.subscribe({ start: () => seen.push('start'), end: () => seen.push('end'), asyncEnd: () => seen.push('asyncEnd') }); tracing.traceSync(() => seen.push('work')); await tracing.tracePromise(async () => seen.push('later')); return [seen, channel('c').hasSubscribers]`,
}

describe('gives what Node gives', () => {
  for (const [name, code] of Object.entries(SAME)) {
    // oxlint-disable-next-line vitest/valid-title -- the table has the titles
    it(name, async () => {
      const AsyncFunction = (async () => {}).constructor as new (
        ...args: string[]
      ) => (node: object) => Promise<unknown>
      const expected: unknown = JSON.parse(JSON.stringify(await new AsyncFunction('node', code)(NODE)))
      expect(await lab.run(code)).toEqual(expected)
    })
  }
})

describe('what is apart', () => {
  it('names that libraries use without an import are served', async () => {
    expect(
      await lab.run(`return [node.immediate, node.isGlobal, node.process.env, typeof node.process.nextTick]`),
    ).toEqual(['function', true, {}, 'function'])
    await expect(lab.run(`node.process.exit(1)`)).rejects.toMatchObject({ code: 'ERR_FEATURE_UNAVAILABLE' })
  })

  it('what would hold all tenants up is refused by name', async () => {
    await expect(lab.run(`node.crypto.pbkdf2Sync('p', 's', 1e6, 32, 'sha256')`)).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: /asynchronous/,
    })
    await expect(
      lab.run(`node.crypto.scryptSync('p', 's', 32, { N: 131072, maxmem: 2 ** 28 })`),
    ).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await expect(
      lab.run(`node.crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })`),
    ).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await expect(
      lab.run(`node.crypto.createPrivateKey({ key: 'x', passphrase: 'p' })`),
    ).rejects.toMatchObject({ code: 'ERR_FEATURE_UNAVAILABLE' })
  })

  it('hashes and keys that the app forgets do not add up', async () => {
    expect(
      await lab.run(
        `for (let i = 0; i < 3000; i++) node.crypto.createHash('sha1').update('x').digest(); return 1`,
      ),
    ).toBe(1)
    // Hashes that the host holds are counted.
    await expect(
      lab.run(
        `const all = []; for (let i = 0; i < 2000; i++) all.push(node.crypto.createHash('sha1').update(node.Buffer.alloc(70_000)))`,
      ),
    ).rejects.toMatchObject({
      message: /More than 1000/,
    })
  })
})
