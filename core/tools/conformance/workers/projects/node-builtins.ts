import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const WORKER = `
import zlib, { constants, createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib'
import { Readable, Writable } from 'node:stream'
import * as consumers from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import web from 'node:stream/web'
import assert from 'node:assert'
import os from 'node:os'
import path from 'node:path'
import sys from 'node:sys'
import tty from 'node:tty'
import util, { promisify } from 'node:util'
import { createRequire, isBuiltin } from 'node:module'
import { exec } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import vm from 'node:vm'

const PAIRS = [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['gzip', 'unzip'],
  ['brotliCompress', 'brotliDecompress'], ['zstdCompress', 'zstdDecompress']]
const text = 'hello zlib '.repeat(300)
// Data over the size of the pieces in which some hosts compress.
const long = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 7919 >> 5) & 63))
const create = (name, options) => zlib['create' + name[0].toUpperCase() + name.slice(1)](options)
const failure = (work) => { try { return work() } catch (error) { return error.name } }
const failureLater = (work) => work().then(() => 'none', (error) => error.name)

const answers = {
  now: () => PAIRS.map(([pack, unpack]) => {
    const packed = zlib[pack + 'Sync'](text)
    return Buffer.isBuffer(packed) && packed.length < 400 && zlib[unpack + 'Sync'](packed).toString() === text
  }),
  bytes: () => [zlib.deflateRawSync('abc').toString('hex'),
    zlib.deflateSync('abc', { level: 9 }).toString('hex'),
    gzipSync('abc').subarray(10).toString('hex')],
  long: () => PAIRS.slice(0, 3).map(([pack, unpack]) =>
    zlib[unpack + 'Sync'](zlib[pack + 'Sync'](long, { level: 7 })).equals(long)),
  later: () => Promise.all(PAIRS.map(async ([pack, unpack]) =>
    String(await promisify(zlib[unpack])(await promisify(zlib[pack])(text))) === text)),
  streams: () => Promise.all(PAIRS.map(async ([pack, unpack]) => {
    const chunks = []
    const sink = new Writable({ write(chunk, _, done) { chunks.push(chunk); done() } })
    await pipeline(Readable.from([Buffer.from(text), long]), create(pack), create(unpack), sink)
    return Buffer.concat(chunks).equals(Buffer.concat([Buffer.from(text), long]))
  })),
  flush: async () => {
    const stream = createGzip()
    const chunks = []
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.write('hello')
    await new Promise((resolve) => stream.flush(resolve))
    const early = gunzipSync(Buffer.concat(chunks), { finishFlush: constants.Z_SYNC_FLUSH }).toString()
    stream.end(' you')
    await new Promise((resolve) => stream.on('end', resolve))
    return [early, gunzipSync(Buffer.concat(chunks)).toString(), stream.bytesWritten]
  },
  wrong: async () => {
    const stream = createGunzip()
    const heard = new Promise((resolve) => stream.on('error', (error) => resolve(error.message)))
    stream.end('this is not it')
    return [await heard, failure(() => gunzipSync('this is not it')),
      await failureLater(() => promisify(zlib.inflate)('this is not it')),
      failure(() => gunzipSync(gzipSync(text), { maxOutputLength: 10 })),
      await failureLater(() => promisify(zlib.gunzip)(gzipSync(text), { maxOutputLength: 10 })),
      failure(() => createGzip({ level: 99 })), failure(() => gzipSync(5)), failure(() => zlib.gzip('a'))]
  },
  members: () => [gunzipSync(Buffer.concat([gzipSync('a'), gzipSync('b')])).toString(),
    zlib.crc32('hello'), zlib.crc32(Buffer.from('lo'), zlib.crc32('hel'))],
  dictionary: () => {
    const dictionary = Buffer.from('hello world')
    const packed = zlib.deflateSync('hello world hello', { dictionary })
    return [zlib.inflateSync(packed, { dictionary }).toString(), failure(() => zlib.inflateSync(packed))]
  },
  consumers: async () => [await consumers.text(Readable.from([Buffer.from([0xc3]), Buffer.from([0xa9])])),
    await consumers.json(new Response('{"a":1}').body), String(await consumers.buffer(Readable.from(['x']))),
    (await consumers.arrayBuffer(new Response('abc').body)).byteLength,
    (await consumers.blob(Readable.from(['blob']))).size,
    await failureLater(() => consumers.json(Readable.from(['no'])))],
  small: () => [typeof web.ReadableStream, typeof web.TextDecoderStream, sys === util, os.EOL,
    os.platform(), os.type(),
    os.constants.signals.SIGTERM, os.endianness(), tty.isatty(1), isBuiltin('node:util'), isBuiltin('nope')],
  refused: () => [typeof exec, typeof Worker, typeof vm.runInNewContext],
  process: () => [process.version === 'v' + process.versions.node, process.version > 'v22.',
    process.release.name, process.platform, process.browser === undefined],
  path: () => [path.parse('a.txt').dir, path.extname('a/b.d/'), path.basename('a\\\\b'),
    path.isAbsolute('//a'), path.resolve('/r', '//a', '..'), path.normalize('C:/..')],
  // workerd's assert.equal is strict, so that only functions that are strict on Node are asked.
  assert: () => [failure(() => assert.strict.equal(1, '1')),
    failure(() => assert.deepStrictEqual(Object(1), Object(2)))],
  require: () => {
    const require = createRequire('/worker.js')
    return [typeof require('node:util').inspect, require('path').join('a', 'b'),
      failure(() => require('nope'))]
  },
}
export default {
  async fetch(request) {
    return Response.json(await answers[new URL(request.url).pathname.slice(1)]())
  },
}
`

const answer = async (site: Site, name: string): Promise<unknown> => JSON.parse(await site.text(`/${name}`))
const all = (count: number): boolean[] => Array.from({ length: count }, () => true)

export const NODE_BUILTIN_CASES: ProjectCase[] = projectCases(
  {
    wrangler: {
      name: 'node-builtins-fixture',
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      compatibility_flags: ['nodejs_compat'],
    },
    files: { 'src/index.js': WORKER },
  },
  [
    [
      '600',
      'node:zlib packs and unpacks at once: deflate in its formats, Brotli and zstd',
      async (site) => {
        equal(await answer(site, 'now'), all(6))
        equal(await answer(site, 'long'), all(3))
        equal(await answer(site, 'bytes'), [
          '4b4c4a0600',
          '78da4b4c4a0600024d0127',
          '4b4c4a0600c241243503000000',
        ])
      },
    ],
    [
      '601',
      'node:zlib packs and unpacks later, with callbacks',
      async (site) => equal(await answer(site, 'later'), all(6)),
    ],
    [
      '602',
      'the streams of node:zlib pack and unpack in a pipeline, and flush',
      async (site) => {
        equal(await answer(site, 'streams'), all(6))
        equal(await answer(site, 'flush'), ['hello', 'hello you', 9])
      },
    ],
    [
      '603',
      'node:zlib refuses data that is not packed, output over maxOutputLength, and wrong arguments',
      async (site) =>
        equal(await answer(site, 'wrong'), [
          'incorrect header check',
          'Error',
          'Error',
          'RangeError',
          'RangeError',
          'RangeError',
          'TypeError',
          'TypeError',
        ]),
    ],
    [
      '604',
      'node:zlib has dictionaries, gzip of several members, and crc32',
      async (site) => {
        equal(await answer(site, 'members'), ['ab', 907060870, 907060870])
        equal(await answer(site, 'dictionary'), ['hello world hello', 'Error'])
      },
    ],
    [
      '605',
      'node:stream/consumers reads streams of Node and of the web',
      async (site) => equal(await answer(site, 'consumers'), ['é', { a: 1 }, 'x', 3, 4, 'SyntaxError']),
    ],
    [
      '606',
      'node:stream/web, node:sys, node:os, node:tty and node:module answer',
      async (site) =>
        equal(await answer(site, 'small'), [
          'function',
          'function',
          true,
          '\n',
          'linux',
          'Linux',
          15,
          'LE',
          false,
          true,
          false,
        ]),
    ],
    [
      '607',
      'createRequire of node:module finds built-ins, and nothing that is not there',
      async (site) => equal(await answer(site, 'require'), ['function', 'a/b', 'Error']),
    ],
    [
      '608',
      'built-ins whose functions throw on Cloudflare can be imported',
      async (site) => equal(await answer(site, 'refused'), ['function', 'function', 'function']),
    ],
    [
      '609',
      'process tells a version of Node, and node:path and node:assert answer as there',
      async (site) => {
        equal(await answer(site, 'process'), [true, true, 'node', 'linux', true])
        equal(await answer(site, 'path'), ['', '.d', 'a\\b', true, '/', '.'])
        equal(await answer(site, 'assert'), ['AssertionError', 'AssertionError'])
      },
    ],
  ],
)
