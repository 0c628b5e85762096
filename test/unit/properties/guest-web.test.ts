/** The isolate's own web classes, here in Node: they agree with Node's. */
import { deepStrictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { connect } from '../../../adapters/isolate/guest/web/bridge/bridge.ts'
import { atob, btoa } from '../../../adapters/isolate/guest/web/data/base64.ts'
import { TextDecoder, TextEncoder } from '../../../adapters/isolate/guest/web/data/encoding.ts'
import { URLSearchParams } from '../../../adapters/isolate/guest/web/data/search-params.ts'
import { structuredClone } from '../../../adapters/isolate/guest/web/data/structured-clone.ts'
import { URL } from '../../../adapters/isolate/guest/web/data/url.ts'
import { Headers, joinHeaders, splitHeaders } from '../../../adapters/isolate/guest/web/fetch/headers.ts'
import { createSyncCalls } from '../../../adapters/isolate/services/sync-calls.ts'
import { attempt, holds, textOf } from './holds.ts'

connect({ post() {}, say() {}, call: createSyncCalls() })

const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 20 })
const FIELDS = [
  'href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash',
] as const // prettier-ignore
const parts = (url: InstanceType<typeof globalThis.URL> | URL): string[] => FIELDS.map((field) => url[field])

describe('URLs in an isolate', () => {
  const url = textOf(
    ['http://', 'https://', 'a', 'B', '.', '..', '-', '/', '?', '#', ':', '80', '443', '65536', '0', '@', '%', '%2e']
      .concat(['é', 'xn--', '\\', ' ', "'", '"', '[::1]', '1.2.3.4', '0x1', '|', '^', '\t', '~', ';', 'a.b', '_']),
    12,
  ) // prettier-ignore
  const http = fc
    .tuple(fc.constantFrom('http://', 'https://', 'http://a', 'https://a.b', ''), url)
    .map(([start, rest]) => start + rest)

  it('any text is the same URL as in Node, or none', () => {
    holds(http, (text) => {
      const node = globalThis.URL.parse(text)
      const ours = URL.parse(text)
      expect(ours === null ? null : parts(ours)).toEqual(node === null ? null : parts(node))
      expect(URL.canParse(text)).toBe(node !== null)
    }, { runs: 3000 }) // prettier-ignore
  })

  it('a part of a URL is set as in Node', () => {
    holds(fc.tuple(http, fc.constantFrom(...FIELDS), url), ([text, field, value]) => {
      const node = globalThis.URL.parse(text)
      const ours = URL.parse(text)
      if (node === null || ours === null || field === 'origin') return
      const set = attempt(() => void (node[field] = value))
      const setOurs = attempt(() => void (ours[field] = value))
      expect(setOurs instanceof Error).toBe(set instanceof Error)
      expect(parts(ours)).toEqual(parts(node))
    })
  })

  it('parameters are read, changed and written as in Node', () => {
    const text = textOf(['&', '=', '+', '%', '%41', '%c3', '%A9', 'a', '?', ' ', '~', "'", '\ud800'], 12)
    const change = fc.tuple(fc.constantFrom('append', 'set', 'delete', 'has', 'sort'), text, text)
    // Node 26 reads a broken escape beside a character of Latin-1 (`%A9\u0080`) by Latin-1.
    const ascii = (query: string): string =>
      query.toWellFormed().replace(/[\u0080-\uffff]+/g, encodeURIComponent)
    holds(fc.tuple(text.map(ascii), fc.array(change, { maxLength: 4 })), ([query, changes]) => {
      const ours = new URL('http://a/')
      const node = new globalThis.URL('http://a/')
      ours.search = query
      node.search = query
      for (const [method, name, value] of changes)
        for (const { searchParams } of [ours, node])
          if (method === 'sort') searchParams.sort()
          else searchParams[method](name, value)
      expect([...ours.searchParams]).toEqual([...node.searchParams])
      expect(ours.href).toBe(node.href)
      const alone = new URLSearchParams(query)
      expect(alone.toString()).toBe(new globalThis.URLSearchParams(query).toString())
      expect([...new URLSearchParams(alone.toString())]).toEqual([...alone])
    })
  })
})

describe('text and bytes in an isolate', () => {
  it('text is encoded as in Node, into a short place too', () => {
    holds(fc.tuple(anyText, fc.nat(12)), ([text, size]) => {
      expect(new TextEncoder().encode(text)).toEqual(new globalThis.TextEncoder().encode(text))
      const ours = new Uint8Array(size)
      const node = new Uint8Array(size)
      expect(new TextEncoder().encodeInto(text, ours)).toEqual(
        new globalThis.TextEncoder().encodeInto(text, node),
      )
      expect(ours).toEqual(node)
    })
  })

  it('bytes are decoded as in Node, however they are cut', () => {
    const bytes = fc.oneof(
      anyText.map((text) => Buffer.from(text)),
      anyText.map((text) => Buffer.from(text, 'utf16le')),
      fc.uint8Array({ maxLength: 20 }),
    )
    const label = fc.constantFrom('utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'shift_jis')
    const options = fc.record({ fatal: fc.boolean(), ignoreBOM: fc.boolean() })
    holds(fc.tuple(bytes, fc.array(fc.nat(20)), label, options), ([given, cuts, encoding, how]) => {
      const whole = new Uint8Array(given)
      const ours = new TextDecoder(encoding, how)
      const node = new globalThis.TextDecoder(encoding, how)
      const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).toSorted((a, b) => a - b)]
      for (const [index, start] of places.entries()) {
        const piece = whole.slice(start, places[index + 1] ?? whole.length)
        const stream = index + 1 < places.length
        const expected = attempt(() => node.decode(piece, { stream }))
        const found = attempt(() => ours.decode(piece, { stream }))
        if (!(expected instanceof Error)) expect(found).toBe(expected)
        else return expect(found).toBeInstanceOf(TypeError)
      }
    })
  })

  it('Base64 is decoded and refused as in Node', () => {
    holds(textOf(['A', 'b', '=', ' ', '\n', '/', '-', '+', '9', '\u000b'], 12), (text) => {
      const expected = attempt(() => globalThis.atob(text))
      const found = attempt(() => atob(text))
      expect(found instanceof Error).toBe(expected instanceof Error)
      if (typeof expected === 'string') expect(found).toBe(expected)
    })
    holds(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      expect(btoa(text)).toBe(globalThis.btoa(text))
      expect(atob(btoa(text))).toBe(text)
    })
  })
})

describe('values and headers in an isolate', () => {
  it('structuredClone copies as in Node', () => {
    const value = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'length')),
    })
    holds(value, (given) => deepStrictEqual(structuredClone(given), globalThis.structuredClone(given)))
  })

  it('headers are taken, joined, sorted and refused as in Node', () => {
    const name = textOf(['a', 'B', '-', 'set-cookie', 'content-length', '__proto__', ' ', 'é', ':'], 2)
    const value = textOf(['a', ' ', '\t', '\n', '\r', ',', ';', 'é', '\0', '\u0100'], 5)
    const step = fc.tuple(fc.constantFrom('append', 'set', 'delete', 'get', 'has'), name, value)
    holds(fc.array(step, { maxLength: 6 }), (steps) => {
      const ours = new Headers()
      const node = new globalThis.Headers()
      for (const [method, ...given] of steps) {
        const [expected, found] = [node, ours].map((headers) =>
          attempt((): unknown => headers[method](...given)),
        )
        if (expected instanceof Error) expect(found).toBeInstanceOf(TypeError)
        else expect(found).toEqual(expected)
      }
      expect([...ours]).toEqual([...node])
      expect(ours.getSetCookie()).toEqual(node.getSetCookie())
      expect(splitHeaders(joinHeaders([...ours].flat()))).toEqual([...node].flat())
    })
  })
})
