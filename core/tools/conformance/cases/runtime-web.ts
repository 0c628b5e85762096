import { equal, ok } from '../assert.ts'
import { insideCases } from '../case.ts'

const encoder = new TextEncoder()

async function streamThrough(
  bytes: Uint8Array<ArrayBuffer>,
  stream: { readable: ReadableStream; writable: WritableStream },
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer())
}

export const runtimeWebCases = insideCases('runtime', [
  {
    id: 'runtime-12',
    contract: 'URL and URLSearchParams parse and serialise as the standard has it.',
    run() {
      const url = new URL('../b/./c?x=1&x=2#h', 'HTTPS://Üser:p%40ss@EXAMPLE.com:443/a/z/')
      equal(
        [url.href, url.origin, url.username, url.port, url.searchParams.getAll('x')],
        [
          'https://%C3%9Cser:p%40ss@example.com/a/b/c?x=1&x=2#h',
          'https://example.com',
          '%C3%9Cser',
          '',
          ['1', '2'],
        ],
        'parts',
      )
      url.searchParams.append('q', 'a b&c')
      equal(
        [
          url.search,
          new URL('http://bücher.example').hostname,
          URL.canParse('no url'),
          new URLSearchParams({ a: '1 2' }).toString(),
        ],
        ['?x=1&x=2&q=a+b%26c', 'xn--bcher-kva.example', false, 'a=1+2'],
        'serialised',
      )
    },
  },
  {
    id: 'runtime-13',
    contract: 'URLPattern matches and gives its groups.',
    run() {
      const pattern = new URLPattern({ pathname: '/users/:id/files/*' })
      const match = pattern.exec('https://example.com/users/42/files/a/b.txt')
      equal(
        [
          match?.pathname.groups['id'],
          match?.pathname.groups['0'],
          pattern.test('https://example.com/users'),
        ],
        ['42', 'a/b.txt', false],
        'match',
      )
    },
  },
  {
    id: 'runtime-14',
    contract: 'TextEncoder and TextDecoder: UTF-8 in pieces, fatal, the byte order mark, UTF-16.',
    run() {
      const decoder = new TextDecoder()
      const bytes = encoder.encode('é😀')
      equal(
        decoder.decode(bytes.slice(0, 3), { stream: true }) + decoder.decode(bytes.slice(3)),
        'é😀',
        'in pieces',
      )
      equal(
        [
          new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])),
          new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])),
        ],
        ['a', '\ufeffa'],
        'byte order mark',
      )
      equal(
        [
          new TextDecoder().decode(new Uint8Array([0xff])),
          new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0])),
        ],
        ['\ufffd', 'a'],
        'others',
      )
      let name = ''
      try {
        new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))
      } catch (error) {
        name = (error as Error).name
      }
      equal(name, 'TypeError', 'fatal')
    },
  },
  {
    id: 'runtime-15',
    contract: 'CompressionStream and DecompressionStream: gzip, deflate and deflate-raw.',
    async run() {
      const bytes = encoder.encode('compress me '.repeat(1000))
      for (const format of ['gzip', 'deflate', 'deflate-raw'] as const) {
        const packed = await streamThrough(bytes, new CompressionStream(format))
        ok(packed.length < bytes.length / 10, `${format}: ${packed.length} bytes`)
        equal(await streamThrough(packed, new DecompressionStream(format)), bytes, format)
      }
    },
  },
  {
    id: 'runtime-16',
    contract: 'AbortSignal.timeout, any and abort, with their reasons.',
    async run() {
      const timeout = AbortSignal.timeout(20)
      const any = AbortSignal.any([timeout, new AbortController().signal])
      await new Promise((resolve) => any.addEventListener('abort', resolve, { once: true }))
      equal(
        [timeout.aborted, (any.reason as Error).name, (AbortSignal.abort().reason as Error).name],
        [true, 'TimeoutError', 'AbortError'],
        'reasons',
      )
      const controller = new AbortController()
      controller.abort('why')
      equal(controller.signal.reason, 'why', 'reason')
    },
  },
  {
    id: 'runtime-17',
    contract: 'Streams pipe through transforms with back-pressure, tee, and cancel.',
    async run() {
      let cancelled: unknown
      let pulled = 0
      const source = new ReadableStream<number>({
        pull(controller) {
          controller.enqueue(++pulled)
        },
        cancel(reason) {
          cancelled = reason
        },
      })
      const doubled = source.pipeThrough(
        new TransformStream<number, number>({
          transform: (value, controller) => controller.enqueue(value * 2),
        }),
      )
      const reader = doubled.getReader()
      equal([(await reader.read()).value, (await reader.read()).value], [2, 4], 'values')
      await reader.cancel('enough')
      equal(cancelled, 'enough', 'cancel reason')
      ok(pulled < 20, `${pulled} were pulled: there is back-pressure`)
      const [one, two] = (new Response('tee').body as ReadableStream<Uint8Array<ArrayBuffer>>).tee()
      equal([await new Response(one).text(), await new Response(two).text()], ['tee', 'tee'], 'tee')
    },
  },
  {
    id: 'runtime-18',
    contract: 'Response: json, redirect, clone, text once, status and header checks.',
    async run() {
      const json = Response.json({ a: 1 }, { status: 201, headers: { 'x-a': 'b' } })
      equal(
        [
          json.status,
          json.headers.get('content-type'),
          json.headers.get('x-a'),
          await json.clone().json(),
          await json.text(),
        ],
        [201, 'application/json', 'b', { a: 1 }, '{"a":1}'],
        'json',
      )
      const redirect = Response.redirect('https://example.com/x', 308)
      equal(
        [redirect.status, redirect.headers.get('location'), redirect.ok],
        [308, 'https://example.com/x', false],
        'redirect',
      )
      for (const bad of [
        () => new Response('', { status: 199 }),
        () => new Response('', { status: 1000 }),
        () => new Response('x', { status: 304 }),
        () => new Response('', { headers: { 'a b': 'c' } }),
        () => Response.redirect('https://example.com', 200),
      ]) {
        let threw = false
        try {
          bad()
        } catch {
          threw = true
        }
        ok(threw, `${String(bad)} throws`)
      }
    },
  },
  {
    id: 'runtime-19',
    contract: 'Headers: order, case, append, getSetCookie, iteration and forbidden values.',
    run() {
      const headers = new Headers([
        ['B', '2'],
        ['a', '1'],
        ['b', '3'],
      ])
      headers.append('set-cookie', 'x=1')
      headers.append('set-cookie', 'y=2')
      equal(
        [[...headers], headers.getSetCookie(), headers.has('A')],
        [
          [
            ['a', '1'],
            ['b', '2, 3'],
            ['set-cookie', 'x=1'],
            ['set-cookie', 'y=2'],
          ],
          ['x=1', 'y=2'],
          true,
        ],
        'headers',
      )
      let name = ''
      try {
        headers.set('x', 'a\nb')
      } catch (error) {
        name = (error as Error).name
      }
      equal(name, 'TypeError', 'of a value with a line break')
    },
  },
  {
    id: 'runtime-20',
    contract: 'Request, FormData, Blob and File hold what they were given.',
    async run() {
      const form = new FormData()
      form.append('a', '1')
      form.append('f', new File(['x', new Blob(['y'])], 'n.txt', { type: 'text/plain' }))
      const request = new Request('https://example.com/x', {
        method: 'POST',
        body: form,
        headers: { 'x-a': 'b' },
      })
      ok(request.headers.get('content-type')?.startsWith('multipart/form-data; boundary='), 'content-type')
      const back = await request.formData()
      const file = back.get('f') as File
      equal(
        [back.get('a'), file.name, file.type, await file.text(), file.size],
        ['1', 'n.txt', 'text/plain', 'xy', 2],
        'form',
      )
      equal(await new Blob(['abcdef']).slice(1, 3).text(), 'bc', 'slice')
    },
  },
  {
    id: 'runtime-21',
    contract: 'Events, EventTarget, MessageChannel, performance, atob, btoa and navigator are there.',
    async run() {
      const target = new EventTarget()
      const seen: string[] = []
      target.addEventListener('x', (event) => seen.push(event.type), { once: true })
      target.dispatchEvent(new Event('x'))
      target.dispatchEvent(new Event('x'))
      equal(
        [
          seen,
          new CustomEvent('c', { detail: 5 }).detail,
          atob(btoa('\u00ff\u0000')),
          typeof navigator.userAgent,
        ],
        [['x'], 5, '\u00ff\u0000', 'string'],
        'values',
      )
      const { port1, port2 } = new MessageChannel()
      const message = new Promise((resolve) => {
        // oxlint-disable-next-line unicorn/prefer-add-event-listener -- setting it also starts the port
        port2.onmessage = (event) => resolve(event.data)
      })
      port1.postMessage({ hello: ['world'] })
      equal(await message, { hello: ['world'] }, 'message')
      port1.close()
      const before = Date.now()
      const between = Date.parse(new Date().toISOString())
      ok(performance.now() >= 0 && before <= between && between <= Date.now(), 'clocks')
    },
  },
  {
    id: 'runtime-22',
    contract:
      'Intl, Unicode normalisation, regular expressions with named groups and lookbehind, and BigInt work.',
    run() {
      equal(new Intl.NumberFormat('en-US').format(1234567.5), '1,234,567.5', 'number')
      equal(
        new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'short' }).format(new Date(0)),
        '01/01/1970',
        'date',
      )
      equal(
        ['e\u0301'.normalize(), /(?<=a)(?<n>\d)/u.exec('a1')?.groups?.['n'], 2n ** 70n],
        ['é', '1', 1180591620717411303424n],
        'values',
      )
      equal(
        [new Date(0).getTimezoneOffset(), new Date(0).toISOString()],
        [0, '1970-01-01T00:00:00.000Z'],
        'the time zone is UTC',
      )
    },
  },
])
