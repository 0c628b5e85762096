import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await startLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

/** The names among these globals that somebody has asked for: `__lookupGetter__` asks for nothing. */
const asked = (...names: string[]): string =>
  `${JSON.stringify(names)}.filter((name) => globalThis.__lookupGetter__(name) === undefined)`
/** What an object's interface looks like: name, tag, and whether its members are enumerable. */
const LOOK = `const look = (value) => {
  const prototype = Object.getPrototypeOf(value)
  return [prototype.constructor.name, Object.prototype.toString.call(value).slice(8, -1), Object.keys(prototype).length > 0].join(' ')
}`

// One isolate for all of these, in this order: what is not made at first is what it must be when it comes.
it('makes no interface that a handler does without', async () => {
  expect(
    await lab.run(
      `return ${asked('ReadableStream', 'Blob', 'FormData', 'URLPattern', 'crypto', 'performance', 'Event')}`,
    ),
  ).toEqual([])
})

it('gives objects of finished interfaces to those who never asked for these', async () => {
  const looks = await lab.run(`${LOOK}
    const made = new Request('http://h/', { method: 'POST', body: new Response(new Uint8Array(3)).body, duplex: 'half' })
    let thrown
    try { atob('?') } catch (error) { thrown = error }
    let event
    addEventListener('error', (reported) => { event = reported; reported.preventDefault() }, { once: true })
    reportError(new Error('x'))
    const form = await new Response('a=b', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }).formData()
    const boundary = 'content-disposition: form-data; name="f"; filename="g"'
    const parts = await new Response('--x\\r\\n' + boundary + '\\r\\n\\r\\ny\\r\\n--x--', { headers: { 'content-type': 'multipart/form-data; boundary=x' } }).formData()
    return [made.signal, Object.getPrototypeOf(made.signal), made.body, made.body.getReader(), thrown, event,
      await new Response('x').blob(), form, parts.get('f')].map(look).concat(thrown.ABORT_ERR, event.AT_TARGET, ${asked('AbortSignal', 'ReadableStream', 'ErrorEvent', 'Blob', 'FormData', 'File')})`)
  expect(looks).toEqual([
    'AbortSignal AbortSignal true',
    'EventTarget AbortSignal true',
    'ReadableStream ReadableStream true',
    'ReadableStreamDefaultReader ReadableStreamDefaultReader true',
    'DOMException DOMException true',
    'ErrorEvent ErrorEvent true',
    'Blob Blob true',
    'FormData FormData true',
    'File File true',
    20,
    2,
  ])
})

it('brings what comes with an interface', async () => {
  expect(
    await lab.run(`${LOOK}
      return [new URL('http://h/?a=b').searchParams, new AbortController().signal, new CompressionStream('gzip').readable, new MessageChannel().port1, crypto, crypto.subtle, performance].map(look)
        .concat(${asked('URLSearchParams', 'ReadableStream', 'MessagePort', 'SubtleCrypto')})`),
  ).toEqual([
    'URLSearchParams URLSearchParams true',
    'AbortSignal AbortSignal true',
    'ReadableStream ReadableStream true',
    'MessagePort MessagePort true',
    'Crypto Crypto true',
    'SubtleCrypto SubtleCrypto true',
    'Performance Performance true',
  ])
})

it('shows nobody that an interface was not made before', async () => {
  expect(
    await lab.run(`
      const names = ${asked('TextDecoderStream', 'CompressionStream', 'MessageChannel', 'URLPattern', 'File', 'CustomEvent')}
      const shown = [Object.getOwnPropertyDescriptor(globalThis, 'URLPattern'), Reflect.getOwnPropertyDescriptor(globalThis, 'CustomEvent'), Object.getOwnPropertyDescriptors(globalThis).MessageEvent]
      const { getOwnPropertyDescriptor } = Object
      return [names.includes('URLPattern'), ...shown.map(({ value, writable }) => value.name + writable), getOwnPropertyDescriptor.name, getOwnPropertyDescriptor.length,
        /native code/.test(getOwnPropertyDescriptor), getOwnPropertyDescriptor({ a: 1 }, 'a').value]`),
  ).toEqual([
    false,
    'URLPatterntrue',
    'CustomEventtrue',
    'MessageEventtrue',
    'getOwnPropertyDescriptor',
    2,
    true,
    1,
  ])
})

it('lets an app put its own in the place of one', async () => {
  expect(
    await lab.run(`
      globalThis.CountQueuingStrategy = 'own'
      const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, 'CountQueuingStrategy')
      return [value, writable, enumerable, configurable, new ReadableStream().locked]`),
  ).toEqual(['own', true, false, true, false])
})

it('hands no insides to an app that has changed what its late parts are made with', async () => {
  expect(
    await lab.run(`
      const seen = new Set()
      const { defineProperty, getOwnPropertyNames } = Object
      Object.defineProperty = (target, ...rest) => { seen.add(target); return defineProperty(target, ...rest) }
      Object.getOwnPropertyNames = (target) => { seen.add(target); return getOwnPropertyNames(target) }
      try { void [URLPattern, TransformStream, BroadcastChannel] } catch {}
      Object.defineProperty = defineProperty
      Object.getOwnPropertyNames = getOwnPropertyNames
      return [...seen].flatMap((target) => getOwnPropertyNames(target)).filter((name) => ['post', 'say', 'call', 'callSync', 'connect', 'enter', 'takeBody'].includes(name))`),
  ).toEqual([])
})
