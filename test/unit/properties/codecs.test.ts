/** Codecs of core and of the drivers: what was encoded is decoded as it was. */
import { deepStrictEqual } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8, utf8, utf8Length } from '../../../core/bindings/bytes.ts'
import { fromBase64, toBase64 } from '../../../core/compat/from-lambda/text.ts'
import { fromHex, Md5, toHex } from '../../../core/compat/workers/md5.ts'
import { deserialize, serialize } from '../../../core/compat/workers/structured.ts'
import { percentDecode } from '../../../core/runtime/forms/url-encoded.ts'
import { decodeValue, encodeValue } from '../../../core/runtime/rpc.ts'
import { formatTraceparent, parseTraceparent } from '../../../core/telemetry/trace-context.ts'
import { escapeXml, parseXml } from '../../../adapters/drivers/aws/xml.ts'
import { readCursor, writeCursor } from '../../../adapters/drivers/dynamodb/list.ts'
import { packEntry, unpackEntry } from '../../../adapters/drivers/redis/entry.ts'
import { fromHeaders, toHeaders } from '../../../adapters/drivers/s3/metadata.ts'
import { escapeKey, objectName, objectPrefix, unescapeKey } from '../../../adapters/drivers/s3/names.ts'
import { decodeCursor, encodeCursor } from '../../../adapters/drivers/shared/cursor.ts'
import { decodeMessage, encodeMessage, parseLease } from '../../../adapters/drivers/sqs/envelope.ts'
import { attempt, holds, holdsAsync, textOf } from './holds.ts'

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => new Uint8Array(array))
const text = fc.string({ unit: 'binary', maxLength: 30 })
const anyText = fc.oneof(text, fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }))
const key = textOf(['/', '.', '\u007f', '~', '!', 'a', 'é', '😀'], 30).filter((one) => one !== '')

/** Values of a call between Workers or of a Durable Object. */
const cloneable = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: false,
  withSparseArray: false,
  key: fc.oneof(fc.string(), fc.constantFrom('$', '__proto__', 'constructor', 'ref')),
  maxDepth: 3,
})

describe('values that cross as text', () => {
  it('a structured value is restored as structuredClone copies it', () => {
    holds(cloneable, (value) => deepStrictEqual(deserialize(serialize(value)), structuredClone(value)))
  })

  it('an object that a structured value has twice is restored once', () => {
    holds(cloneable, (value) => {
      const shared = { value }
      const [first, second] = deserialize(serialize([shared, new Map([[shared, [shared]]])])) as [
        object,
        Map<object, [object]>,
      ]
      expect([...second].every(([a, [b]]) => a === first && b === first)).toBe(true)
    })
  })

  it('a date that is none stays none in a structured value', () => {
    expect(deserialize(serialize(new Date(NaN)))).toEqual(new Date(NaN))
  })

  it('an invalid date, -0 and no known type are told from others on the test channel', async () => {
    const back = async (value: unknown): Promise<unknown> =>
      decodeValue(JSON.parse(JSON.stringify(await encodeValue(value))))
    deepStrictEqual(await back([new Date(NaN), -0, { $: 'x' }]), [new Date(NaN), -0, { $: 'x' }])
    expect(() => decodeValue({ $: 'x' })).toThrow('the unknown type "x"')
  })

  const plain = fc.anything({
    withDate: true,
    withMap: true,
    withTypedArray: false,
    withNullPrototype: false,
    key: fc.oneof(fc.string(), fc.constantFrom('$', '__proto__', 'value')),
    maxDepth: 3,
  })
  it('a value of the test channel is restored as it was', async () => {
    const values = fc.oneof(plain, bytes, fc.tuple(plain, bytes))
    await holdsAsync(values, async (value) =>
      deepStrictEqual(decodeValue(JSON.parse(JSON.stringify(await encodeValue(value)))), value),
    )
  })

  it('any JSON is a value of the test channel or an error', () => {
    const tagged = fc.record({
      $: fc.constantFrom('undefined', 'bytes', 'date', 'map', 'object', 'number', 'response', 'request', 'x'),
      value: fc.jsonValue(),
    })
    holds(fc.oneof(fc.jsonValue(), tagged), (data) => {
      const decoded = attempt(() => decodeValue(data))
      if (decoded instanceof Error) expect(decoded.message).not.toBe('')
      else if (JSON.stringify(data).startsWith('{"$":"x"')) expect.fail('an unknown type was read')
    })
  })
})

describe('bytes and text', () => {
  it('base64 and hex restore any bytes, and agree with Node', () => {
    holds(bytes, (value) => {
      expect(fromBase64(toBase64(value))).toEqual(value)
      expect(toBase64(value)).toBe(Buffer.from(value).toString('base64'))
      expect(fromBase64(Buffer.from(value).toString('base64url'))).toEqual(value)
      expect(fromHex(toHex(value))).toEqual(value)
    })
  })

  it('the MD5 of any pieces is that of the whole, as OpenSSL has it', () => {
    holds(fc.array(fc.uint8Array({ maxLength: 130 }), { maxLength: 5 }), (pieces) => {
      const md5 = new Md5()
      for (const piece of pieces) md5.update(piece)
      expect(toHex(md5.digest())).toBe(createHash('md5').update(Buffer.concat(pieces)).digest('hex'))
    })
  })

  it('lengths and order of UTF-8 are those of its bytes', () => {
    holds(fc.tuple(text, text), ([a, b]) => {
      expect(utf8Length(a)).toBe(utf8(a).length)
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(utf8(a), utf8(b)))
    })
  })

  it('percent escapes of any bytes are decoded, and all other text is as it was', () => {
    holds(fc.tuple(anyText, bytes), ([before, value]) => {
      const escaped = [...value].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
      const start = before.replaceAll('%', '')
      expect(percentDecode(start + escaped)).toEqual(
        new Uint8Array(Buffer.concat([Buffer.from(start), value])),
      )
    })
  })

  it('a trace that was written is read, and no other text is a trace', () => {
    const hex = (length: number): fc.Arbitrary<string> =>
      fc
        .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
        .filter((id) => /[^0]/.test(id))
    holds(fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }), (span) =>
      expect(parseTraceparent(formatTraceparent(span))).toEqual({ ...span, state: undefined }),
    )
    holds(textOf(['0', 'f', '-', '00-', 'a'.repeat(32), 'b'.repeat(16)]), (header) => {
      const span = parseTraceparent(header)
      if (span !== undefined) expect(header).toContain(`-${span.traceId}-${span.spanId}-`)
    })
  })
})

describe('names and cursors', () => {
  it('the name of a key in S3 has no dot segment, is bounded, unique, and leads back to the key', () => {
    holds(fc.tuple(key, key), ([a, b]) => {
      const { name, cut } = objectName('p/', a)
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(1024)
      expect(name.split('/').some((part) => part === '.' || part === '..')).toBe(false)
      if (!cut) expect(unescapeKey(name.slice(2))).toBe(a)
      if (a !== b) expect(objectName('p/', b).name).not.toBe(name)
      expect(Math.sign(compareUtf8(escapeKey(a), escapeKey(b)))).toBe(Math.sign(compareUtf8(a, b)))
      if (a.startsWith(b)) expect(name.startsWith(objectPrefix('p/', b))).toBe(true)
    })
  })

  it('a long key has a name of its own below each prefix of it', () => {
    const long = fc
      .tuple(key, fc.nat(1100))
      .map(([one, length]) => one.repeat(Math.ceil(length / one.length)))
    holds(fc.tuple(long, fc.nat(1100)), ([one, length]) => {
      if (one === '') return
      const { name } = objectName('p/', one)
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(1024)
      const prefix = one.slice(0, length)
      if (prefix.isWellFormed()) expect(name.startsWith(objectPrefix('p/', prefix))).toBe(true)
    })
  })

  it('a cursor leads back to its position, and no other text is a cursor', () => {
    holds(fc.tuple(text, textOf(['a', '-', '_', '=', 'A'])), ([position, other]) => {
      const cursor = encodeCursor('t', position)
      expect(decodeCursor('t', cursor)).toBe(position)
      for (const wrong of [`${cursor}a`, cursor.slice(1), other, `${cursor}=`])
        expect(() => decodeCursor('t', wrong)).toThrow('The cursor is not one')
    })
  })

  it('a cursor of DynamoDB belongs to its prefix', () => {
    holds(fc.tuple(text, text, text), ([prefix, rest, other]) => {
      const cursor = writeCursor(prefix, prefix + rest)
      expect(readCursor(prefix, cursor)).toBe(prefix + rest)
      if (other !== prefix) expect(() => readCursor(other, cursor)).toThrow('The cursor is not one')
      expect(() => readCursor(prefix, other)).toThrow('The cursor is not one')
    })
  })
})

describe('what drivers store', () => {
  it('an entry of Redis has its value, metadata and expiration', () => {
    const entry = fc.record({
      value: fc.oneof(text, bytes),
      metadata: fc.option(text, { nil: undefined }),
      expiration: fc.option(fc.integer({ min: 1, max: 2 ** 40 }), { nil: undefined }),
    })
    holds(entry, ({ value, ...rest }) => {
      const packed = packEntry(value, rest)
      expect(unpackEntry(packed, typeof value === 'string' ? 'text' : 'bytes', 0)).toEqual({ value, ...rest })
    })
  })

  it('metadata is restored from the headers of S3, which are visible ASCII without blanks at the ends', () => {
    const value = textOf(['=?', '?=', '=?UTF-8?B?YQ==?=', '%utf8%', '%', ' ', '\t', '\u0000', 'é', 'a'])
    holds(fc.record({ name: value, 'other-name': value }), (custom) => {
      const headers = toHeaders({}, custom, undefined)
      for (const header of Object.values(headers))
        expect(header).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/)
      expect(fromHeaders(headers).customMetadata).toEqual(custom)
    })
  })

  it('a message of SQS has its body, in characters that SQS takes', () => {
    const body = fc.oneof(
      fc.json({ stringUnit: 'binary' }),
      anyText.map((one) => JSON.stringify(one)),
      bytes,
    )
    holds(fc.tuple(body, text), ([given, id]) => {
      const contentType = typeof given === 'string' ? 'json' : 'bytes'
      const message = { id, contentType, body: given, delaySeconds: 0 } as const
      const { MessageBody, MessageAttributes } = encodeMessage(message, 'jobs', 4, 1000)
      // oxlint-disable-next-line no-control-regex -- the characters that SQS takes
      expect(MessageBody).toMatch(/^[\t\n\r\x20-\ud7ff\ue000-\ufffd]+$/)
      const read = decodeMessage(
        {
          messageId: 'of SQS',
          receiptHandle: 'handle',
          body: MessageBody,
          attribute: (name) => MessageAttributes[name]?.StringValue,
          receiveCount: 2,
          sentTimestamp: 1,
        },
        'jobs',
      )
      expect(read).toMatchObject({ id, contentType, attempts: 2, timestamp: 1000 })
      expect(read.body).toEqual(given)
      expect(parseLease(read.lease)).toEqual({ attempts: 2, id, receiptHandle: 'handle' })
    })
  })

  it('text in XML is read as it was, and XML that was cut off has no root', () => {
    holds(fc.tuple(textOf(['<', '>', '&', ']]>', '"', '\r', 'a', '&amp;']), fc.nat()), ([content, place]) => {
      const xml = `<?xml version="1.0"?>\n<a xmlns="x"><b>${escapeXml(content)}</b><c/><b>2</b></a>`
      expect(parseXml(xml)?.text('b')).toBe(content)
      expect(parseXml(xml)?.all('b').length).toBe(2)
      const cut = attempt(() => parseXml(xml.slice(0, place % xml.length)))
      if (cut !== undefined) expect(cut).toBeInstanceOf(SyntaxError)
    })
  })

  it('a reference to no character stays in XML as it is', () => {
    expect(parseXml('<a>&#xffffff;&#x41;</a>')?.content).toBe('&#xffffff;A')
  })

  it('any text is XML, or a SyntaxError', () => {
    holds(
      textOf(['<', '>', '&', '&#', '&#x', ';', 'a', '/', '9', 'ffffff', '<![CDATA[', ']]>', '"']),
      (xml) => {
        const read = attempt(() => parseXml(xml))
        if (read instanceof Error) expect(read).toBeInstanceOf(SyntaxError)
      },
    )
  })
})
