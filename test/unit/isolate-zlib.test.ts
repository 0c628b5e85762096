/** The host's half of `node:zlib` for isolates: whatever a tenant asks for, memory and time have bounds. */
import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { zlibNow } from '../../adapters/isolate/services/zlib/now.ts'
import { ZlibTable } from '../../adapters/isolate/services/zlib/streams.ts'

const { constants } = zlib
const own = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
const zeros = (size: number): Uint8Array => new Uint8Array(size)
const call = (
  id: number,
  mode: string,
  bytes: Uint8Array | null,
  options: object = {},
): { id: number; mode: string; bytes: Uint8Array | null; options: object; after: undefined } => ({
  id,
  mode,
  bytes,
  options,
  after: undefined,
})

describe('synchronous calls of zlib', () => {
  it('throw nothing, whatever comes', () => {
    const values = [undefined, null, 5, 'gzip', {}, [], zeros(3), { params: 1 }, { dictionary: 'x' }]
    for (const operation of ['now', 'check', 'crc32', 'constants', 'nonsense', '__proto__'])
      for (const a of values) for (const b of values) for (const c of values) zlibNow(operation, [a, b, c])
    expect(zlibNow('now', ['constructor', zeros(1), {}])).toMatchObject({ error: { name: 'TypeError' } })
  })

  it.each([
    ['a megabyte of deflate', 'gzip', zeros(1 << 20), {}],
    ['100 KB of Brotli by default', 'brotliCompress', zeros(100_000), {}],
    ['a megabyte of zstd at level 9', 'zstdCompress', zeros(1 << 20), { params: { 100: 9 } }],
    ['three megabytes to unpack', 'gunzip', zeros(3 << 20), {}],
    ['a view of a large buffer', 'gzip', zeros(1 << 20).subarray(0, 10), {}],
    ['a dictionary of a megabyte', 'deflate', zeros(1), { dictionary: zeros(1 << 20) }],
    ['zstd at level 22', 'zstdCompress', zeros(1), { params: { [constants.ZSTD_c_compressionLevel]: 22 } }],
    ['threads of zstd', 'zstdCompress', zeros(1), { params: { [constants.ZSTD_c_nbWorkers]: 4 } }],
    [
      'a large window of zstd',
      'zstdDecompress',
      zeros(1),
      { params: { [constants.ZSTD_d_windowLogMax]: 31 } },
    ],
    [
      'a large window of Brotli',
      'brotliCompress',
      zeros(1),
      { params: { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1 } },
    ],
  ])('are refused by a named error over their limits: %s', (_, mode, bytes, options) => {
    expect(zlibNow('now', [mode, bytes, options])).toMatchObject({
      error: {
        name: 'RangeError',
        code: 'ERR_OUT_OF_RANGE',
        message: expect.stringMatching(/limit|not served/),
      },
    })
  })

  it('stop at 16 MiB of output, or at the maxOutputLength that the app wants', () => {
    const bomb = own(zlib.gzipSync(zeros(17 << 20)))
    expect(zlibNow('now', ['gunzip', bomb, {}])).toMatchObject({
      error: { code: 'ERR_BUFFER_TOO_LARGE', message: expect.stringContaining('its limit in an isolate') },
    })
    expect(zlibNow('now', ['gunzip', bomb, { maxOutputLength: 1000 }])).toMatchObject({
      error: { code: 'ERR_BUFFER_TOO_LARGE', message: expect.not.stringContaining('limit') },
    })
  })

  it('return bytes in a buffer of their own', () => {
    const packed = zlibNow('now', ['gzip', own(Buffer.from('text')), {}]) as Uint8Array
    expect(packed.byteLength).toBe(packed.buffer.byteLength)
    expect(zlib.gunzipSync(packed).toString()).toBe('text')
  })
})

describe('streams of zlib', () => {
  it('of one isolate hold bounded memory, and closing one makes room', async () => {
    const table = new ZlibTable()
    for (let id = 1; id <= 3; id++) await table.feedNode(call(id, 'brotliCompress', zeros(1)))
    await expect(table.feedNode(call(4, 'brotliCompress', zeros(1)))).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringContaining('of their memory'),
    })
    table.close(1)
    await table.feedNode(call(4, 'brotliCompress', zeros(1)))
    table.clear()
    for (let id = 1; id <= 64; id++) await table.feedNode(call(id, 'inflate', zeros(0)))
    await expect(table.feedNode(call(65, 'inflate', zeros(0)))).rejects.toThrow('More than 64 streams')
    table.clear()
  })

  it('take pieces only, so that apps take turns', async () => {
    await expect(new ZlibTable().feedNode(call(1, 'gzip', zeros(1 << 20)))).rejects.toThrow('malformed')
  })

  it('refuse a bomb, and free it', async () => {
    const table = new ZlibTable()
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }
    const bomb = own(zlib.brotliCompressSync(zeros(65 << 20), options))
    await expect(table.feedNode(call(1, 'brotliDecompress', bomb))).rejects.toThrow('grew to more than')
    expect(zlib.inflateSync((await table.feedNode(call(1, 'deflate', null)))[0] as Uint8Array)).toHaveLength(
      0,
    )
  })

  it('answer calls that follow the end of the packed data', async () => {
    const table = new ZlibTable()
    const packed = own(Buffer.concat([zlib.gzipSync('a'), Buffer.alloc(8)]))
    const chunks = await table.feedNode(call(1, 'gunzip', packed))
    expect(Buffer.concat(chunks).toString()).toBe('a')
    expect(await table.feedNode(call(1, 'gunzip', own(Buffer.from('more'))))).toEqual([])
    expect(await table.feedNode(call(1, 'gunzip', null))).toEqual([])
  })
})
