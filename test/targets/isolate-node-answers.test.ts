import assert from 'node:assert'
import * as crypto from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import events from 'node:events'
import path from 'node:path'
import querystring from 'node:querystring'
import stream from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import timers from 'node:timers'
import url from 'node:url'
import util from 'node:util'
import zlib from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'
import { ANSWERS } from './node-answers.ts'

const APP = `
import assert from 'node:assert'
import crypto from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import events from 'node:events'
import path from 'node:path'
import process from 'node:process'
import querystring from 'node:querystring'
import stream from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import timers from 'node:timers'
import url from 'node:url'
import util from 'node:util'
import zlib from 'node:zlib'
import { defineApp } from 'unmoor'
const node = { assert, Buffer, crypto, diagnostics, events, path, process, querystring, stream, StringDecoder, timers, url, util, zlib }
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
  assert,
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
  url,
  util,
  zlib,
}

let lab: Lab
beforeAll(async () => {
  lab = await startLab({ app: APP })
})
afterAll(() => lab[Symbol.asyncDispose]())

for (const [module, programs] of Object.entries(ANSWERS))
  // oxlint-disable-next-line vitest/valid-title -- the table has the titles
  describe(`answers as on Node: ${module}`, () => {
    // oxlint-disable-next-line vitest/valid-title -- the table has the titles
    it.each(programs)('%s', async (program) => {
      const AsyncFunction = (async () => {}).constructor as new (
        ...args: string[]
      ) => (node: object) => Promise<unknown>
      const expected: unknown = await new AsyncFunction('node', program)(NODE)
      expect(await lab.run(program)).toEqual(JSON.parse(JSON.stringify(expected)))
    })
  })

describe('what an isolate lacks', () => {
  it.each([
    'node.crypto.createECDH("prime256v1")',
    'new node.crypto.X509Certificate("")',
    'node.util.parseArgs({})',
    'new node.util.MIMEType("a/b")',
    'node.process.memoryUsage()',
    'node.process.exit()',
  ])('is refused by name where it is called: %s', async (program) => {
    await expect(lab.run(program)).rejects.toMatchObject({
      code: 'ERR_FEATURE_UNAVAILABLE',
      message: /is not there/,
    })
  })

  it.each([
    ['one Brotli call', `node.zlib.brotliCompressSync(node.Buffer.alloc(100_000))`, 'ERR_OUT_OF_RANGE'],
    [
      'a bomb',
      `node.zlib.gunzipSync(node.zlib.gzipSync(node.Buffer.alloc(17 << 20)))`,
      'ERR_BUFFER_TOO_LARGE',
    ],
    ['long data', `node.zlib.gunzipSync(node.crypto.randomBytes(3 << 20))`, 'ERR_OUT_OF_RANGE'],
  ])('what all apps would wait for in zlib is refused by name: %s', async (_, program, code) => {
    await expect(lab.run(program)).rejects.toMatchObject({
      code,
      message: /limit[^]* all apps of the process wait for a synchronous call: use zlib\./,
    })
  })

  it('what zlib refuses at once it does later, and apps go on after a bomb', async () => {
    expect(
      await lab.run(`
        const { promisify } = node.util; const { zlib } = node; const zeros = node.Buffer.alloc(17 << 20)
        const packed = await promisify(zlib.gzip)(zeros)
        const brotli = await promisify(zlib.brotliCompress)(zeros.subarray(0, 300_000))
        return [(await promisify(zlib.gunzip)(packed)).equals(zeros), zlib.brotliDecompressSync(brotli).length]`),
    ).toEqual([true, 300_000])
  })

  it('errors that nobody catches reach listeners of process', async () => {
    expect(
      await lab.run(`
        const seen = []; const { process } = node; const all = Promise.withResolvers();
        const hear = (kind) => (error) => { seen.push(kind + ' ' + error.message); if (seen.length === 2) all.resolve() };
        process.once('unhandledRejection', hear('rejection')); process.once('uncaughtException', hear('exception'));
        setTimeout(() => { throw new Error('thrown') }, 1); Promise.reject(new Error('rejected'));
        await all.promise; return seen.toSorted()`),
    ).toEqual(['exception thrown', 'rejection rejected'])
  })
})
