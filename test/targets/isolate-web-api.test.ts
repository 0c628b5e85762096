import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await startLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

const ECMA_429 =
  `AbortController AbortSignal Blob ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DecompressionStream
DOMException ErrorEvent Event EventTarget File FormData Headers MessageChannel MessageEvent MessagePort Performance PromiseRejectionEvent
ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader
Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern
URLSearchParams WritableStream WritableStreamDefaultController WritableStreamDefaultWriter`.split(/\s+/)

/** Interfaces that an app may construct, and how; the others throw. */
const CONSTRUCT: Readonly<Record<string, string>> = {
  Blob: '[]',
  ByteLengthQueuingStrategy: '{ highWaterMark: 1 }',
  CompressionStream: "'gzip'",
  CountQueuingStrategy: '{ highWaterMark: 1 }',
  CustomEvent: "'x'",
  DecompressionStream: "'gzip'",
  ErrorEvent: "'x'",
  Event: "'x'",
  File: "[], 'n'",
  MessageEvent: "'x'",
  PromiseRejectionEvent: "'x', { promise: Promise.resolve() }",
  ReadableStreamBYOBReader: "new ReadableStream({ type: 'bytes' })",
  ReadableStreamDefaultReader: 'new ReadableStream()',
  Request: "'http://h/'",
  URL: "'http://h/'",
  WritableStreamDefaultWriter: 'new WritableStream()',
}
const NEVER =
  'AbortSignal Crypto CryptoKey MessagePort Performance ReadableByteStreamController ReadableStreamBYOBRequest ReadableStreamDefaultController SubtleCrypto TransformStreamDefaultController WritableStreamDefaultController'

describe('globals', () => {
  it('has every interface of ECMA-429 as Web IDL has it: names, descriptors, members, brands', async () => {
    const faults = await lab.run(`
      const faults = []
      const never = new Set('${NEVER}'.split(' '))
      const construct = { ${Object.entries(CONSTRUCT)
        .map(([name, args]) => `${name}: () => new ${name}(${args})`)
        .join(', ')} }
      for (const name of ${JSON.stringify(ECMA_429)}) {
        const check = (holds, what) => { if (!holds) faults.push(name + ' ' + what) }
        const { value: Class, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, name) ?? {}
        check(typeof Class === 'function' && writable && !enumerable && configurable, 'on the global')
        if (typeof Class !== 'function') continue
        check(Class.name === name && /^class|native code|^function/.test(Function.prototype.toString.call(Class)), 'name')
        const { prototype } = Class
        const own = Object.getOwnPropertyDescriptor(Class, 'prototype')
        check(!own.writable && !own.enumerable && !own.configurable, 'prototype')
        check(prototype.constructor === Class && !Object.getOwnPropertyDescriptor(prototype, 'constructor').enumerable, 'constructor')
        const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)
        check(tag?.value === name && !tag.writable && !tag.enumerable && tag.configurable, 'toStringTag')
        let called = true
        try { Class() } catch { called = false }
        check(!called, 'called without new')
        let instance
        try { instance = (construct[name] ?? (() => new Class()))() } catch (error) { check(never.has(name), 'construct ' + error) }
        if (instance !== undefined) check(!never.has(name) && instance instanceof Class && Object.prototype.toString.call(instance) === '[object ' + name + ']', 'instance')
        for (const [key, member] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
          if (key === 'constructor') continue
          const isConstant = !('get' in member) && typeof member.value !== 'function'
          check(member.enumerable && member.configurable === !isConstant, key + ' descriptor')
          if (member.get !== undefined) check(member.get.name === 'get ' + key, key + ' getter name')
          if (typeof member.value === 'function') check(member.value.name === key && member.writable, key + ' method')
          const call = member.get ?? member.value
          if (typeof call !== 'function') continue
          // On anything else a member throws; one that gives a promise rejects.
          try {
            const result = Reflect.apply(call, {}, [1, 2, 3, 4, 5, 6, 7])
            check(result instanceof Promise && await result.then(() => false, (error) => error instanceof TypeError), key + ' brand')
          } catch (error) { check(error instanceof TypeError, key + ' brand ' + error) }
        }
      }
      return faults`)
    expect(faults).toEqual([])
  })

  it('has the functions and objects', async () => {
    expect(
      await lab.run(`return ['atob', 'btoa', 'clearInterval', 'clearTimeout', 'fetch', 'queueMicrotask', 'reportError', 'setInterval', 'setTimeout', 'structuredClone']
        .filter((name) => typeof globalThis[name] !== 'function' || globalThis[name].name !== name)`),
    ).toEqual([])
    expect(
      await lab.run(
        `return [self === globalThis, navigator.userAgent, typeof crypto.subtle, typeof console.log, typeof performance.now(), onerror]`,
      ),
    ).toEqual([true, 'unmoor', 'object', 'function', 'number', null])
  })

  it('has nothing of Node or isolated-vm', async () => {
    expect(
      await lab.run(
        `return ['process', 'require', 'module', 'global', 'Buffer', '__unmoor_link', 'ivm', 'SharedArrayBufferShim'].filter((name) => name in globalThis)`,
      ),
    ).toEqual([])
  })
})

const CASES: Readonly<Record<string, readonly [code: string, result: unknown]>> = {
  'URL parses as the host does': [
    `const url = new URL('../b?x=1#h', 'http://u:p@EXAMPLE.com:80/a/c'); return [url.href, url.host, url.username, url.pathname]`,
    ['http://u:p@example.com/b?x=1#h', 'example.com', 'u', '/b'],
  ],
  'URL takes the short way for plain ones with the same result': [
    `return ['http://a.b/c?d=%20#e', 'https://localhost:3000', 'http://x.y:80/', 'http://1.2/', 'http://h/a/../b', 'http://h/%2e/x', 'HTTP://H/', 'http://h/?', 'http://h:65536/'].map((text) => URL.parse(text)?.href ?? null)`,
    [
      'http://a.b/c?d=%20#e',
      'https://localhost:3000/',
      'http://x.y/',
      'http://1.0.0.2/',
      'http://h/b',
      'http://h/x',
      'http://h/',
      'http://h/?',
      null,
    ],
  ],
  'URL setters and searchParams keep in step': [
    `const url = new URL('http://h/p?a=1'); url.searchParams.append('b', 'ä &'); url.hash = 'x y'; url.port = '81'; url.search += '&c=3'; return [url.href, url.searchParams.get('b'), [...url.searchParams.keys()]]`,
    ['http://h:81/p?a=1&b=%C3%A4+%26&c=3#x%20y', 'ä &', ['a', 'b', 'c']],
  ],
  'URLSearchParams decodes what is malformed': [
    `return [...new URLSearchParams('a=%zz&b=%E4&c=+%2B&=e')]`,
    [
      ['a', '%zz'],
      ['b', '\ufffd'],
      ['c', ' +'],
      ['', 'e'],
    ],
  ],
  'URLPattern matches': [
    `return new URLPattern({ pathname: '/books/:id' }).exec('http://h/books/12').pathname.groups.id`,
    '12',
  ],
  'TextEncoder and TextDecoder round trip': [
    `const text = 'aä€😀'; const long = text.repeat(2000); return [[...new TextEncoder().encode(text + '\\ud800')], new TextDecoder().decode(new TextEncoder().encode(long)) === long]`,
    [[97, 195, 164, 226, 130, 172, 240, 159, 152, 128, 239, 191, 189], true],
  ],
  'TextDecoder knows legacy encodings, fatal and streams': [
    `const decoder = new TextDecoder(); const parts = [decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), decoder.decode(new Uint8Array([0xac]))]; let fatal; try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (error) { fatal = error.name } return [parts, new TextDecoder('shift_jis').decode(new Uint8Array([0x82, 0xa0])), new TextDecoder('latin1').encoding, fatal]`,
    [['', '€'], 'あ', 'windows-1252', 'TypeError'],
  ],
  'TextEncoder.encodeInto': [
    `const bytes = new Uint8Array(4); return [new TextEncoder().encodeInto('a€€', bytes), [...bytes]]`,
    [{ read: 2, written: 4 }, [97, 226, 130, 172]],
  ],
  'text streams': [
    `const stream = new ReadableStream({ start(c) { c.enqueue('a\\ud83d'); c.enqueue('\\ude00b'); c.close() } }).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream()); let text = ''; for await (const chunk of stream) text += chunk; return text`,
    'a😀b',
  ],
  'atob and btoa': [
    `let bad; try { atob('a') } catch (error) { bad = [error.name, error.code, error instanceof DOMException] } return [btoa('hÿ'), atob(' aP8= '), bad]`,
    ['aP8=', 'hÿ', ['InvalidCharacterError', 5, true]],
  ],
  Headers: [
    `const headers = new Headers([['B', '1'], ['a', ' x '], ['b', '2'], ['set-cookie', 'a=1'], ['Set-Cookie', 'b=2']]); return [[...headers], headers.getSetCookie(), headers.get('B')]`,
    [
      [
        ['a', 'x'],
        ['b', '1, 2'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
      ['a=1', 'b=2'],
      '1, 2',
    ],
  ],
  'Headers refuse what is no header': [
    `return ['a b', 'ä', ''].map((name) => { try { new Headers([[name, 'x']]); return 'ok' } catch (error) { return error.name } }).concat((() => { try { new Headers({ a: 'x\\ny' }) } catch (error) { return error.name } })())`,
    ['TypeError', 'TypeError', 'TypeError', 'TypeError'],
  ],
  Request: [
    `const made = new Request('http://h/x', { method: 'post', body: new URLSearchParams({ a: '1' }), headers: { x: 'y' } }); const copy = made.clone(); return [made.method, made.headers.get('content-type'), await made.text(), made.bodyUsed, (await copy.formData()).get('a')]`,
    ['POST', 'application/x-www-form-urlencoded;charset=UTF-8', 'a=1', true, '1'],
  ],
  'Request over Request': [
    `const a = new Request('http://h/', { method: 'PUT', body: 'x' }); const b = new Request(a, { headers: { c: 'd' } }); return [a.bodyUsed, b.method, await b.text(), b.headers.get('c')]`,
    [true, 'PUT', 'x', 'd'],
  ],
  Response: [
    `const response = new Response('ä', { status: 201, headers: { a: 'b' } }); const copy = response.clone(); return [response.status, response.ok, response.headers.get('content-type'), await response.text(), [...await copy.bytes()], (await Response.json({ a: 1 }).json()).a, Response.redirect('http://h/x', 303).headers.get('location'), Response.error().type]`,
    [201, true, 'text/plain;charset=UTF-8', 'ä', [195, 164], 1, 'http://h/x', 'error'],
  ],
  'Response refuses': [
    `return [[null, { status: 99 }], ['x', { status: 204 }], [null, { statusText: 'a\\nb' }]].map(([body, init]) => { try { new Response(body, init) } catch (error) { return error.name } })`,
    ['RangeError', 'TypeError', 'TypeError'],
  ],
  'a body is read once': [
    `const response = new Response('x'); await response.text(); try { await response.text() } catch (error) { return [error.name, response.bodyUsed, response.body.locked] }`,
    ['TypeError', true, true],
  ],
  'FormData over multipart': [
    `const form = new FormData(); form.append('a"b', 'x\\ny'); form.append('f', new File(['data'], 'n.txt', { type: 'text/plain' })); const back = await new Response(form).formData(); const file = back.get('f'); return [back.get('a"b'), file.name, file.type, await file.text(), file instanceof File]`,
    ['x\r\ny', 'n.txt', 'text/plain', 'data', true],
  ],
  'Blob and File': [
    `const blob = new Blob(['ab', new Uint8Array([99]), new Blob(['d'])], { type: 'Text/X' }); return [blob.size, blob.type, await blob.slice(1, -1).text(), [...await blob.bytes()], (await new Response(blob.stream()).text())]`,
    [4, 'text/x', 'bc', [97, 98, 99, 100], 'abcd'],
  ],
  'streams with back-pressure': [
    `let pulled = 0; const stream = new ReadableStream({ pull(c) { c.enqueue(pulled++) } }, { highWaterMark: 1 }); const reader = stream.getReader(); await reader.read(); await new Promise((r) => setTimeout(r, 20)); return pulled <= 2`,
    true,
  ],
  'TransformStream, tee and async iteration': [
    `const [a, b] = new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close() } }).pipeThrough(new TransformStream({ transform(x, c) { c.enqueue(x * 2) } })).tee(); const out = []; for await (const x of a) out.push(x); for await (const x of b) out.push(x); return out`,
    [2, 4, 2, 4],
  ],
  'ReadableStream.from, and async iterables as bodies': [
    `const source = async function* () { yield new TextEncoder().encode('a'); yield new TextEncoder().encode('b') }; return [await new Response(ReadableStream.from(source())).text(), await new Response(source()).text()]`,
    ['ab', 'ab'],
  ],
  'byte streams with a reader of their own buffer': [
    `const reader = new Response(new Uint8Array([1, 2, 3, 4])).body.getReader({ mode: 'byob' }); const { value } = await reader.read(new Uint8Array(2)); return [...value]`,
    [1, 2],
  ],
  AbortController: [
    `const controller = new AbortController(); const seen = []; controller.signal.onabort = (event) => seen.push(event.type, event.isTrusted); controller.abort(); return [...seen, controller.signal.reason.name, AbortSignal.abort(1).reason]`,
    ['abort', true, 'AbortError', 1],
  ],
  'AbortSignal.any and timeout': [
    `const controller = new AbortController(); const joined = AbortSignal.any([controller.signal, AbortSignal.timeout(10_000)]); controller.abort('why'); const timed = AbortSignal.timeout(10); await new Promise((resolve) => timed.addEventListener('abort', resolve)); return [joined.aborted, joined.reason, timed.reason.name]`,
    [true, 'why', 'TimeoutError'],
  ],
  EventTarget: [
    `const target = new EventTarget(); const seen = []; target.addEventListener('x', (event) => { seen.push(event.detail); event.preventDefault() }, { once: true }); target.addEventListener('x', { handleEvent: () => seen.push('object') }); const first = target.dispatchEvent(new CustomEvent('x', { detail: 5, cancelable: true })); target.dispatchEvent(new Event('x')); return [seen, first]`,
    [[5, 'object', 'object'], false],
  ],
  DOMException: [
    `const error = new DOMException('m', 'AbortError'); return [error.name, error.message, error.code, DOMException.ABORT_ERR, error instanceof Error, typeof error.stack]`,
    ['AbortError', 'm', 20, 20, true, 'string'],
  ],
  structuredClone: [
    `const source = { date: new Date(5), map: new Map([[1, new Set(['a'])]]), re: /x/gi, bytes: new Uint8Array([1, 2]).subarray(1), error: new RangeError('r', { cause: 1 }), big: 1n.toString(), nan: [undefined, null] }; source.self = source; const copy = structuredClone(source); const buffer = new ArrayBuffer(8); const moved = structuredClone({ buffer, view: new Uint8Array(buffer, 4) }, { transfer: [buffer] }); let refused; try { structuredClone(() => 1) } catch (error) { refused = error.name } return [copy.self === copy, copy.date.getTime(), copy.map.get(1).has('a'), String(copy.re), [...copy.bytes], copy.error.name, copy.error.cause, buffer.byteLength, moved.view.byteLength, moved.view.buffer === moved.buffer, refused, await structuredClone(new File(['f'], 'n')).text()]`,
    [true, 5, true, '/x/gi', [2], 'RangeError', 1, 0, 4, true, 'DataCloneError', 'f'],
  ],
  timers: [
    `const seen = []; const interval = setInterval(() => seen.push('i'), 5); setTimeout((a) => seen.push(a), 1, 'arg'); clearTimeout(setTimeout(() => seen.push('never'), 1)); queueMicrotask(() => seen.push('micro')); while (!(seen.includes('arg') && seen.filter((x) => x === 'i').length > 1)) await new Promise((r) => setTimeout(r, 5)); clearInterval(interval); const count = seen.length; await new Promise((r) => setTimeout(r, 20)); return [seen[0], seen[1], seen.filter((x) => x === 'i').length > 1, seen.includes('never'), seen.length === count]`,
    ['micro', 'arg', true, false, true],
  ],
  'crypto random': [
    `const a = crypto.getRandomValues(new Uint32Array(4)); let quota; try { crypto.getRandomValues(new Uint8Array(70_000)) } catch (error) { quota = error.name } return [a.some((x) => x > 0), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), new Set(Array.from({ length: 500 }, () => crypto.randomUUID())).size, quota]`,
    [true, true, 500, 'QuotaExceededError'],
  ],
  'crypto.subtle digest and HMAC': [
    `const bytes = new TextEncoder().encode('abc'); const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); const signature = await crypto.subtle.sign('HMAC', key, bytes); return [new Uint8Array(await crypto.subtle.digest('SHA-1', bytes)).toHex(), await crypto.subtle.verify('HMAC', key, signature, bytes), await crypto.subtle.verify('HMAC', key, signature, new Uint8Array(3)), key instanceof CryptoKey, key.type, key.algorithm.hash.name, signature instanceof ArrayBuffer]`,
    ['a9993e364706816aba3e25717850c26c9cd0d89d', true, false, true, 'secret', 'SHA-256', true],
  ],
  'crypto.subtle AES, ECDH and JWK': [
    `const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']); const iv = crypto.getRandomValues(new Uint8Array(12)); const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, new TextEncoder().encode('secret')); const text = new TextDecoder().decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed)); const make = () => crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']); const [a, b] = [await make(), await make()]; const bits = async (own, other) => new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: other.publicKey }, own.privateKey, 256)).toHex(); return [text, (await bits(a, b)) === (await bits(b, a)), (await crypto.subtle.exportKey('jwk', key)).kty]`,
    ['secret', true, 'oct'],
  ],
  'crypto.subtle errors keep their kind': [
    `const names = []; for (const work of [() => crypto.subtle.digest('NOPE', new Uint8Array(1)), () => crypto.subtle.importKey('raw', new Uint8Array(5), 'AES-GCM', false, ['encrypt']), () => crypto.subtle.digest('SHA-1')]) await work().catch((error) => names.push([error.name, error instanceof DOMException])); return names`,
    [
      ['NotSupportedError', true],
      ['DataError', true],
      ['TypeError', false],
    ],
  ],
  'CompressionStream and back': [
    `const text = 'abc'.repeat(50_000); const out = []; for (const format of ['gzip', 'deflate', 'deflate-raw']) { const packed = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream(format))).bytes(); const back = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream(format))).text(); out.push(packed.length < 2000, back === text) } let bad; try { await new Response(new Blob(['no']).stream().pipeThrough(new DecompressionStream('gzip'))).text() } catch (error) { bad = error.name } return [...out, bad]`,
    [true, true, true, true, true, true, 'TypeError'],
  ],
  performance: [
    `const start = performance.now(); await new Promise((r) => setTimeout(r, 20)); const took = performance.now() - start; const before = Date.now(); const now = performance.timeOrigin + performance.now(); const after = Date.now(); return [took >= 15, now >= before - 100 && now <= after + 100]`,
    [true, true],
  ],
  MessageChannel: [
    `const { port1, port2 } = new MessageChannel(); const got = new Promise((resolve) => { port2.onmessage = (event) => resolve(event.data) }); port1.postMessage({ a: [1] }); return await got`,
    { a: [1] },
  ],
  'WebAssembly, asynchronous too': [
    `const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]); const { instance } = await WebAssembly.instantiate(bytes); const streamed = await WebAssembly.compileStreaming(new Response(bytes, { headers: { 'content-type': 'application/wasm' } })); const other = await WebAssembly.instantiate(streamed); return [instance.exports.add(2, 3), other.exports.add(4, 5), WebAssembly.validate(bytes)]`,
    [5, 9, true],
  ],
  console: [
    `console.log('%s is %d', 'x', 4, { a: [1, new Map([[1, 2]])] }); console.error(new Error('logged')); return 1`,
    1,
  ],
}

describe('each part works', () => {
  for (const [name, [code, result]] of Object.entries(CASES)) {
    // oxlint-disable-next-line vitest/valid-title -- the table has the titles
    it(name, async () => {
      expect(await lab.run(code)).toEqual(result)
    })
  }

  it('console goes to the log', async () => {
    await lab.run(
      `console.warn('a %s', 'warning', { deep: { er: 1 } }); console.log('line one\\nline two'); return 1`,
    )
    await expect.poll(() => lab.lines.join('\n')).toContain('a warning { deep: { er: 1 } }')
    // A second line is indented: it cannot pass for a line of the host's.
    expect(lab.lines).toContain('    line two')
  })

  it('reports an unhandled rejection with its stack, and lives on', async () => {
    await lab.run(`Promise.reject(new Error('nobody listens')); return 1`)
    await expect
      .poll(() => lab.lines.join('\n'))
      .toMatch(/Unhandled rejection: Error: nobody listens\n\s+at /)
    expect(await lab.run('return 2')).toBe(2)
  })
})

describe('fetch', () => {
  it('goes out through the host, streamed both ways, and aborts', async () => {
    let gone: () => void = () => {}
    const closed = new Promise<void>((resolve) => (gone = resolve))
    const server = createServer((incoming, outgoing) => {
      if (incoming.url === '/hang') {
        outgoing.on('close', gone)
        outgoing.writeHead(200).write('first')
        return
      }
      if (incoming.url === '/redirect') return void outgoing.writeHead(302, { location: '/echo' }).end()
      outgoing.writeHead(200, { 'x-method': incoming.method, 'set-cookie': ['a=1', 'b=2'] })
      incoming.pipe(outgoing)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      expect(
        await lab.run(`const response = await fetch('${url}/echo', { method: 'POST', body: new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('a')); c.enqueue(new TextEncoder().encode('b')); c.close() } }), duplex: 'half' });
          return [response.status, response.headers.get('x-method'), response.headers.getSetCookie(), await response.text(), response.url]`),
      ).toEqual([200, 'POST', ['a=1', 'b=2'], 'ab', `${url}/echo`])
      expect(
        await lab.run(
          `const response = await fetch('${url}/redirect'); return [response.redirected, response.url, (await fetch('${url}/redirect', { redirect: 'manual' })).status]`,
        ),
      ).toEqual([true, `${url}/echo`, 302])
      expect(
        await lab.run(`const controller = new AbortController(); const response = await fetch('${url}/hang', { signal: controller.signal }); const reader = response.body.getReader(); const { value } = await reader.read(); controller.abort();
        return [new TextDecoder().decode(value), await reader.read().then(() => 'ended', () => 'broke')]`),
      ).toEqual(['first', 'broke'])
      await closed
      expect(
        await lab.run(
          `return fetch('http://127.0.0.1:1/').catch((error) => [error.name, /fetch failed/.test(error.message)])`,
        ),
      ).toEqual(['TypeError', true])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
