import { equal, ok, sha256, sleep } from '../assert.ts'
import { insideCases } from '../case.ts'
import { bindings } from '../fixture/bindings.ts'

const encoder = new TextEncoder()

async function streamThrough(bytes: Uint8Array<ArrayBuffer>, stream: { readable: ReadableStream; writable: WritableStream }): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>)).arrayBuffer())
}

export const runtimeCases = insideCases('runtime', [
  {
    id: 'runtime-01',
    contract: 'env has exactly the declared bindings.',
    run({ env }) {
      equal(Object.keys(env).toSorted(), Object.keys(bindings).toSorted(), 'keys')
    },
  },
  {
    id: 'runtime-02',
    contract: 'env is frozen.',
    run({ env }) {
      equal(Object.isFrozen(env), true, 'isFrozen')
      const mutable = env as unknown as Record<string, unknown>
      for (const change of [() => (mutable['kv'] = 1), () => (mutable['added'] = 1), () => delete mutable['kv']]) {
        let threw = false
        try {
          change()
        } catch {
          threw = true
        }
        ok(threw, 'a change of env throws')
      }
    },
  },
  {
    id: 'runtime-03',
    contract: 'Each binding has the methods of its kind.',
    run({ env }) {
      const methods = { kv: ['get', 'getWithMetadata', 'getMany', 'put', 'delete', 'list'], blob: ['head', 'get', 'put', 'delete', 'list'], sql: ['all', 'first', 'value', 'run', 'raw', 'batch'], jobs: ['send', 'sendBatch'], cache: ['match', 'put', 'delete'], pem: ['get'], self: ['fetch'], assets: ['fetch'] }
      for (const [name, list] of Object.entries(methods)) {
        const binding = (env as unknown as Record<string, Record<string, unknown>>)[name]
        for (const method of list) equal(typeof binding?.[method], 'function', `${name}.${method}`)
      }
      equal(typeof env.greeting, 'string', 'greeting')
    },
  },
  {
    id: 'runtime-04',
    contract: 'A WebAssembly module comes by import and can be instantiated.',
    async run({ wasm }) {
      ok(wasm instanceof WebAssembly.Module, 'a Module')
      for (const [a, b] of [[1, 2], [-1, 1], [2 ** 30, 2 ** 30]] as const) {
        const { exports } = await WebAssembly.instantiate(wasm, {})
        equal((exports as { add: (a: number, b: number) => number }).add(a, b), (a + b) | 0, 'sum')
      }
    },
  },
  {
    id: 'runtime-05',
    contract: 'crypto.subtle digests as the standard has it.',
    async run() {
      equal(await sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'SHA-256')
      for (const [name, length] of [['SHA-1', 20], ['SHA-384', 48], ['SHA-512', 64]] as const) equal((await crypto.subtle.digest(name, encoder.encode('abc'))).byteLength, length, name)
    },
  },
  {
    id: 'runtime-06',
    contract: 'HMAC keys sign and verify.',
    async run() {
      const key = await crypto.subtle.importKey('raw', encoder.encode('key'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
      const data = encoder.encode('The quick brown fox jumps over the lazy dog')
      const signature = await crypto.subtle.sign('HMAC', key, data)
      equal([...new Uint8Array(signature)].slice(0, 4), [0xf7, 0xbc, 0x83, 0xf4], 'signature')
      equal([await crypto.subtle.verify('HMAC', key, signature, data), await crypto.subtle.verify('HMAC', key, signature, encoder.encode('other'))], [true, false], 'verify')
    },
  },
  {
    id: 'runtime-07',
    contract: 'AES-GCM encrypts and decrypts; a changed byte is refused.',
    async run() {
      const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt'])
      const iv = crypto.getRandomValues(new Uint8Array(12))
      const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, encoder.encode('secret text')))
      equal(new TextDecoder().decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed)), 'secret text', 'text')
      sealed[0] = (sealed[0] as number) ^ 1
      equal(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed).then(() => 'decrypted', (error: Error) => error.name), 'OperationError', 'changed')
    },
  },
  {
    id: 'runtime-08',
    contract: 'Random values and UUIDs differ and have their form.',
    run() {
      ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), 'UUID')
      equal(new Set(Array.from({ length: 100 }, () => crypto.randomUUID())).size, 100, 'UUIDs')
      ok(new Set(crypto.getRandomValues(new Uint8Array(256))).size > 50, 'random bytes vary')
    },
  },
  {
    id: 'runtime-09',
    contract: 'Timers fire in the order of their times, with arguments, and can be cleared.',
    async run() {
      const fired: unknown[] = []
      setTimeout((...args: unknown[]) => fired.push(...args), 40, 'late', 1)
      setTimeout(() => fired.push('early'), 1)
      clearTimeout(setTimeout(() => fired.push('cleared'), 5))
      let count = 0
      await new Promise<void>((resolve) => {
        const interval = setInterval(() => {
          if (++count < 3) return
          clearInterval(interval)
          resolve()
        }, 5)
      })
      await sleep(80)
      equal([fired, count], [['early', 'late', 1], 3], 'fired')
    },
  },
  {
    id: 'runtime-10',
    contract: 'Microtasks run before timers.',
    async run() {
      const order: string[] = []
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          order.push('timer')
          resolve()
        }, 0)
        queueMicrotask(() => order.push('microtask'))
        void Promise.resolve().then(() => order.push('promise'))
        order.push('now')
      })
      equal(order, ['now', 'microtask', 'promise', 'timer'], 'order')
    },
  },
  {
    id: 'runtime-11',
    contract: 'structuredClone copies dates, maps, sets, bytes, errors and cycles, and refuses functions with a DataCloneError.',
    run() {
      const source: Record<string, unknown> = { date: new Date(5), map: new Map([['a', new Set([1])]]), bytes: new Uint8Array([1, 2]), list: [undefined, null, 1n] }
      source['self'] = source
      const copy = structuredClone(source)
      ok(copy !== source && copy['self'] === copy, 'the cycle leads to the copy')
      equal([(copy['date'] as Date).getTime(), (copy['map'] as Map<string, Set<number>>).get('a')?.has(1), copy['bytes'], copy['list']], [5, true, new Uint8Array([1, 2]), [undefined, null, 1n]], 'copy')
      let name = ''
      try {
        structuredClone(() => 1)
      } catch (error) {
        name = (error as Error).name
      }
      equal(name, 'DataCloneError', 'of a function')
    },
  },
  {
    id: 'runtime-12',
    contract: 'URL and URLSearchParams parse and serialise as the standard has it.',
    run() {
      const url = new URL('../b/./c?x=1&x=2#h', 'HTTPS://Üser:p%40ss@EXAMPLE.com:443/a/z/')
      equal([url.href, url.origin, url.username, url.port, url.searchParams.getAll('x')], ['https://%C3%9Cser:p%40ss@example.com/a/b/c?x=1&x=2#h', 'https://example.com', '%C3%9Cser', '', ['1', '2']], 'parts')
      url.searchParams.append('q', 'a b&c')
      equal([url.search, new URL('http://bücher.example').hostname, URL.canParse('no url'), new URLSearchParams({ a: '1 2' }).toString()], ['?x=1&x=2&q=a+b%26c', 'xn--bcher-kva.example', false, 'a=1+2'], 'serialised')
    },
  },
  {
    id: 'runtime-13',
    contract: 'URLPattern matches and gives its groups.',
    run() {
      const pattern = new URLPattern({ pathname: '/users/:id/files/*' })
      const match = pattern.exec('https://example.com/users/42/files/a/b.txt')
      equal([match?.pathname.groups['id'], match?.pathname.groups['0'], pattern.test('https://example.com/users')], ['42', 'a/b.txt', false], 'match')
    },
  },
  {
    id: 'runtime-14',
    contract: 'TextEncoder and TextDecoder: UTF-8 in pieces, fatal, the byte order mark, UTF-16.',
    run() {
      const decoder = new TextDecoder()
      const bytes = encoder.encode('é😀')
      equal(decoder.decode(bytes.slice(0, 3), { stream: true }) + decoder.decode(bytes.slice(3)), 'é😀', 'in pieces')
      equal([new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))], ['a', '\ufeffa'], 'byte order mark')
      equal([new TextDecoder().decode(new Uint8Array([0xff])), new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0]))], ['\ufffd', 'a'], 'others')
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
      equal([timeout.aborted, (any.reason as Error).name, (AbortSignal.abort().reason as Error).name], [true, 'TimeoutError', 'AbortError'], 'reasons')
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
      const doubled = source.pipeThrough(new TransformStream<number, number>({ transform: (value, controller) => controller.enqueue(value * 2) }))
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
      equal([json.status, json.headers.get('content-type'), json.headers.get('x-a'), await json.clone().json(), await json.text()], [201, 'application/json', 'b', { a: 1 }, '{"a":1}'], 'json')
      const redirect = Response.redirect('https://example.com/x', 308)
      equal([redirect.status, redirect.headers.get('location'), redirect.ok], [308, 'https://example.com/x', false], 'redirect')
      for (const bad of [() => new Response('', { status: 199 }), () => new Response('', { status: 1000 }), () => new Response('x', { status: 304 }), () => new Response('', { headers: { 'a b': 'c' } }), () => Response.redirect('https://example.com', 200)]) {
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
      const headers = new Headers([['B', '2'], ['a', '1'], ['b', '3']])
      headers.append('set-cookie', 'x=1')
      headers.append('set-cookie', 'y=2')
      equal([[...headers], headers.getSetCookie(), headers.has('A')], [[['a', '1'], ['b', '2, 3'], ['set-cookie', 'x=1'], ['set-cookie', 'y=2']], ['x=1', 'y=2'], true], 'headers')
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
      const request = new Request('https://example.com/x', { method: 'POST', body: form, headers: { 'x-a': 'b' } })
      ok(request.headers.get('content-type')?.startsWith('multipart/form-data; boundary='), 'content-type')
      const back = await request.formData()
      const file = back.get('f') as File
      equal([back.get('a'), file.name, file.type, await file.text(), file.size], ['1', 'n.txt', 'text/plain', 'xy', 2], 'form')
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
      equal([seen, new CustomEvent('c', { detail: 5 }).detail, atob(btoa('\u00ff\u0000')), typeof navigator.userAgent], [['x'], 5, '\u00ff\u0000', 'string'], 'values')
      const { port1, port2 } = new MessageChannel()
      const message = new Promise((resolve) => {
        port2.onmessage = (event) => resolve(event.data)
      })
      port1.postMessage({ hello: ['world'] })
      equal(await message, { hello: ['world'] }, 'message')
      port1.close()
      ok(performance.now() >= 0 && Math.abs(Date.now() - Date.parse(new Date().toISOString())) < 1000, 'clocks')
    },
  },
  {
    id: 'runtime-22',
    contract: 'Intl, Unicode normalisation, regular expressions with named groups and lookbehind, and BigInt work.',
    run() {
      equal(new Intl.NumberFormat('en-US').format(1234567.5), '1,234,567.5', 'number')
      equal(new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'short' }).format(new Date(0)), '01/01/1970', 'date')
      equal(['e\u0301'.normalize(), /(?<=a)(?<n>\d)/u.exec('a1')?.groups?.['n'], 2n ** 70n], ['é', '1', 1180591620717411303424n], 'values')
      equal([new Date(0).getTimezoneOffset(), new Date(0).toISOString()], [0, '1970-01-01T00:00:00.000Z'], 'the time zone is UTC')
    },
  },
])
