import { describe, expect, it } from 'vitest'
import { Response as Light, takeResponse } from '../../adapters/node-server/runtime/http/response.ts'

const Native = globalThis.Response
type Body = BodyInit | null | undefined

const stream = (text: string): ReadableStream =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    },
  })
const form = (): FormData => {
  const data = new FormData()
  data.set('a', 'b')
  return data
}

/** Everything that an app can ask of a Response, as plain data; what throws is told by its class. */
async function describeResponse(make: () => Response): Promise<unknown> {
  let response: Response
  try {
    response = make()
  } catch (error) {
    return { throws: (error as Error).constructor.name }
  }
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response
  const clone = response.clone()
  // FormData's boundary is random.
  const headers = [...response.headers].map(([name, value]) => [
    name,
    value.replace(/boundary=.*/, 'boundary'),
  ])
  const hasBody = response.body !== null
  const text = (await response.text()).replaceAll(/-{4,}formdata\S*/g, 'boundary')
  return {
    status,
    statusText,
    ok,
    type,
    url,
    redirected,
    bodyUsed,
    headers,
    hasBody,
    text,
    usedAfter: response.bodyUsed,
    again: await response.text().catch((error: Error) => error.constructor.name),
    clone: (await clone.text()).length === 0 || hasBody,
  }
}

const CASES: readonly [string, () => [Body?, ResponseInit?]][] = [
  ['nothing', () => []],
  ['null', () => [null]],
  ['empty text', () => ['']],
  ['text', () => ['héllo']],
  ['a byte order mark', () => ['\uFEFFx']],
  ['a lone surrogate', () => ['a\uD800b']],
  ['bytes', () => [new Uint8Array([104, 105])]],
  ['a view of bytes', () => [new Uint8Array([1, 104, 105, 2]).subarray(1, 3)]],
  ['a buffer', () => [new Uint8Array([104, 105]).buffer]],
  ['a DataView', () => [new DataView(new Uint8Array([104, 105]).buffer)]],
  ['a Blob', () => [new Blob(['hi'], { type: 'text/css' })]],
  ['a form', () => [form()]],
  ['search params', () => [new URLSearchParams('a=1&b=%20')]],
  ['a stream', () => [stream('hi')]],
  ['a number', () => [5 as unknown as Body]],
  ['an object', () => [{} as unknown as Body]],
  [
    'a locked stream',
    () => {
      const locked = stream('x')
      locked.getReader()
      return [locked]
    },
  ],
  [
    'a read stream',
    () => {
      const read = stream('x')
      void read.cancel()
      return [read]
    },
  ],
  ['null init', () => ['x', null as unknown as ResponseInit]],
  ['init of a wrong type', () => ['x', 5 as unknown as ResponseInit]],
  ...[99, 101, 199, 200, 201, 204, 205, 304, 404, 599, 600, 1000, 200.5, NaN, -1].map(
    (status): [string, () => [Body?, ResponseInit?]] => [`status ${status}`, () => [null, { status }]],
  ),
  ...[204, 205, 304].map((status): [string, () => [Body?, ResponseInit?]] => [
    `status ${status} with a body`,
    () => ['', { status }],
  ]),
  ['status as text', () => ['x', { status: '404' as unknown as number }]],
  ['a status text', () => ['x', { status: 201, statusText: 'Made' }]],
  ['a status text with a line break', () => ['x', { statusText: 'a\r\nb: c' }]],
  ['a status text beyond Latin-1', () => ['x', { statusText: '✓' }]],
  ['a record of headers', () => ['x', { headers: { 'X-A': '1', 'content-type': 'text/html' } }]],
  ['a number as a header', () => ['x', { headers: { 'x-n': 5 as unknown as string } }]],
  ['names that differ in case', () => ['x', { headers: { 'X-A': '1', 'x-a': '2' } }]],
  [
    'pairs',
    () => [
      'x',
      {
        headers: [
          ['a', '1'],
          ['a', '2'],
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      },
    ],
  ],
  ['a pair of three', () => ['x', { headers: [['a', '1', '2'] as unknown as [string, string]] }]],
  [
    'a Headers object',
    () => [
      'x',
      {
        headers: new Headers([
          ['b', '2'],
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ]),
      },
    ],
  ],
  ['a Map', () => ['x', { headers: new Map([['a', '1']]) as unknown as HeadersInit }]],
  ['null headers', () => ['x', { headers: null as unknown as HeadersInit }]],
  ['blanks around a value', () => ['x', { headers: { a: ' 1\t' } }]],
  ['an empty value', () => ['x', { headers: { a: '' } }]],
  ['a Latin-1 value', () => ['x', { headers: { a: 'é\xff' } }]],
  ['a value beyond Latin-1', () => ['x', { headers: { a: '✓' } }]],
  ['a line break in a value', () => ['x', { headers: { a: '1\r\nb: 2' } }]],
  ['NUL in a value', () => ['x', { headers: { a: '1\0' } }]],
  ['a name with a blank', () => ['x', { headers: { 'a b': '1' } }]],
  ['an empty name', () => ['x', { headers: { '': '1' } }]],
  [
    'another response as init',
    () => ['x', new Native(null, { status: 418, statusText: 'Teapot', headers: { a: '1' } })],
  ],
  ['a light response as init', () => ['x', new Light('y', { status: 418, headers: { a: '1' } })]],
]

describe("the light Response is fetch's", () => {
  it.each(CASES)('%s', async (_name, args) => {
    const expected = await describeResponse(() => new Native(...args()))
    expect(await describeResponse(() => new Light(...args()))).toEqual(expected)
  })

  it.each([
    ['an object', [{ a: [1, null] }]],
    ['undefined', [undefined]],
    ['a status', [{}, { status: 201, headers: { a: '1' } }]],
    ['its own content type', [{}, { headers: { 'Content-Type': 'application/problem+json' } }]],
    ['an odd header', [{}, { headers: { a: 'é' } }]],
    ['a status without body', [{}, { status: 204 }]],
  ] as [string, [unknown, ResponseInit?]][])('Response.json of %s', async (_name, args) => {
    const expected = await describeResponse(() => Native.json(...args))
    expect(await describeResponse(() => Light.json(...args))).toEqual(expected)
  })

  it("redirect and error are undici's", () => {
    expect(Light.redirect('http://a/b', 303).headers.get('location')).toBe('http://a/b')
    expect(Light.error().type).toBe('error')
    expect(() => Light.redirect('http://a/b', 200)).toThrow(RangeError)
  })

  it('passes for a Response, and a Response for it', () => {
    class Own extends Light {}
    expect(new Light()).toBeInstanceOf(Native)
    expect(new Native()).toBeInstanceOf(Light)
    expect(new Own('x')).toBeInstanceOf(Own)
    expect(new Own('x')).toBeInstanceOf(Light)
    expect(new Light()).not.toBeInstanceOf(Own)
    expect({}).not.toBeInstanceOf(Light)
    expect(Object.prototype.toString.call(new Light())).toBe('[object Response]')
    expect(Light.name).toBe('Response')
    const keys = (value: object): string[] => {
      const found: string[] = []
      for (const key in value) found.push(key)
      return found.sort()
    }
    expect(keys(new Light())).toEqual(keys(new Native()))
  })

  it('takes its body and headers as they are at that moment', async () => {
    const bytes = new Uint8Array([97])
    const headers = new Headers({ a: '1' })
    const response = new Light(bytes, { headers })
    bytes[0] = 98
    headers.set('a', '2')
    expect(response.headers.get('a')).toBe('1')
    expect(await response.text()).toBe('a')
  })

  it('keeps one Headers object, changes of which count', async () => {
    const response = new Light('x')
    response.headers.set('content-type', 'text/css')
    expect(response.headers).toBe(response.headers)
    expect(response.clone().headers.get('content-type')).toBe('text/css')
    expect((await response.blob()).type).toBe('text/css')
    const clone = new Light('x').clone()
    clone.headers.set('a', '1')
    expect(clone.headers.get('a')).toBe('1')
  })

  it('gives its stream as body and its body once', async () => {
    const body = stream('x')
    const response = new Light(body)
    expect(response.body).toBe(body)
    expect(response.body).toBe(body)
    await response.text()
    expect(() => response.clone()).toThrow(TypeError)
    expect(() => takeResponse(response)).toThrow(/already sent/)
  })

  it('is sent once, as on Workers; one without body any number of times', () => {
    const response = new Light('x')
    takeResponse(response)
    expect(response.bodyUsed).toBe(true)
    expect(() => takeResponse(response)).toThrow(/already sent/)
    expect(() => response.clone()).toThrow(TypeError)
    const empty = new Light(null, { status: 204 })
    takeResponse(empty)
    expect(takeResponse(empty).status).toBe(204)
  })

  it('serves WebAssembly streaming', async () => {
    const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])
    const module = await WebAssembly.compileStreaming(
      new Light(wasm, { headers: { 'content-type': 'application/wasm' } }),
    )
    expect(module).toBeInstanceOf(WebAssembly.Module)
  })
})

describe("a library's own Response", () => {
  it('has its body sent, whose class is none of the platform, and cancels it', async () => {
    const cancelled: unknown[] = []
    const make = (): Response => {
      const chunks = [new Uint8Array([104]), new Uint8Array([105])]
      const getReader = (): object => ({
        read: () => Promise.resolve({ done: chunks.length === 0, value: chunks.shift() }),
        cancel: (reason: unknown) => Promise.resolve(void cancelled.push(reason)),
      })
      const body = { locked: false, getReader }
      return {
        status: 200,
        statusText: '',
        headers: new Headers(),
        body,
        bodyUsed: false,
      } as unknown as Response
    }
    const { body } = takeResponse(make())
    expect(body).toBeInstanceOf(ReadableStream)
    expect(await new Native(body).text()).toBe('hi')
    const other = takeResponse(make()).body as ReadableStream
    await other.cancel('enough')
    expect(cancelled).toEqual(['enough'])
  })
})
