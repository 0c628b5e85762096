/** What crosses the boundary of an isolate: streams with back-pressure both ways, aborts, forms, errors that nobody caught. */
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

const KB = 1024

const APP = `
import { defineApp } from 'unmoor'
const state = { pulled: 0, cancelled: 0, received: 0, reads: 0, aborted: '' }
const gate = Promise.withResolvers()
const chunk = new Uint8Array(${64 * KB}).fill(7)
export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/state') return Response.json(state)
    if (pathname === '/go') gate.resolve()
    if (pathname === '/endless')
      return new Response(new ReadableStream({ pull(c) { state.pulled += chunk.byteLength; c.enqueue(chunk.slice()) }, cancel() { state.cancelled++ } }, { highWaterMark: 0 }))
    if (pathname === '/slow') {
      const reader = request.body.getReader()
      for (let i = 0; i < 3; i++) state.received += (await reader.read()).value.byteLength
      state.reads++
      await gate.promise
      for (;;) { const { done, value } = await reader.read(); if (done) break; state.received += value.byteLength }
      return Response.json(state.received)
    }
    if (pathname === '/hang') {
      request.signal.addEventListener('abort', () => { state.aborted = request.signal.reason.name })
      await new Promise((resolve) => setTimeout(resolve, 5000))
    }
    if (pathname === '/form') {
      const form = await request.formData()
      const back = new FormData()
      for (const [name, value] of form) back.append(name + '!', typeof value === 'string' ? value.toUpperCase() : new File([await value.bytes(), 'end'], value.name, { type: value.type }))
      return new Response(back)
    }
    return new Response('?')
  },
})
`

let lab: Lab
beforeAll(async () => {
  lab = await startLab({ app: APP })
})
afterAll(() => lab[Symbol.asyncDispose]())

type State = { pulled: number; cancelled: number; received: number; reads: number; aborted: string }
const state = async (): Promise<State> => (await (await fetch(`${lab.runtime.url}/state`)).json()) as State

/** A number, once it stays the same for a while; fails where it grows on. */
async function settled(read: () => Promise<number>): Promise<number> {
  const deadline = Date.now() + 15_000
  for (let before = -1; Date.now() < deadline; await sleep(250)) {
    const now = await read()
    if (now === before) return now
    before = now
  }
  throw new Error('The number grows on.')
}

describe('streams', () => {
  it('out of the isolate stop where the client reads no more, and hear of its end', async () => {
    const response = await fetch(`${lab.runtime.url}/endless`)
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    let read = 0
    while (read < 256 * KB) read += (await reader.read()).value?.byteLength ?? 0
    // The kernel's and node's buffers hold some megabytes; after that the isolate is not asked.
    const pulled = await settled(async () => (await state()).pulled)
    expect(pulled).toBeLessThan(16 * KB * KB)
    await reader.cancel()
    await expect.poll(async () => (await state()).cancelled, { timeout: 10_000 }).toBe(1)
  })

  it('into the isolate wait for its reads', async () => {
    const total = 32 * KB * KB
    let sent = 0
    async function* chunks(): AsyncGenerator<Buffer> {
      for (; sent < total; sent += 64 * KB) yield Buffer.alloc(64 * KB, 1)
    }
    const { port } = new URL(lab.runtime.url)
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>()
    const sending = pipeline(chunks(), request({ port, path: '/slow', method: 'POST' }, resolve))
    await expect.poll(async () => (await state()).reads, { timeout: 10_000 }).toBe(1)
    await settled(async () => sent)
    // The kernel's and node's buffers are full, and the isolate has what it read.
    expect(sent).toBeLessThan(total / 2)
    expect((await state()).received).toBeLessThanOrEqual(3 * 64 * KB)
    await fetch(`${lab.runtime.url}/go`)
    await sending
    expect(await text(await promise)).toBe(String(total))
  })
})

describe('signals and forms', () => {
  it('a client that goes away aborts request.signal', async () => {
    const controller = new AbortController()
    const gone = fetch(`${lab.runtime.url}/hang`, { signal: controller.signal }).catch((error: unknown) => (error as Error).name)
    await sleep(100)
    controller.abort()
    expect(await gone).toBe('AbortError')
    await expect.poll(async () => (await state()).aborted, { timeout: 10_000 }).toBe('AbortError')
  })

  it('a form goes in and another comes back, with its files', async () => {
    const form = new FormData()
    form.append('a "b"', 'x\r\ny')
    form.append('file', new File([new Uint8Array([0, 255, 13, 10])], 'ä.bin', { type: 'application/x-test' }))
    const back = await (await fetch(`${lab.runtime.url}/form`, { method: 'POST', body: form })).formData()
    const file = back.get('file!') as File
    expect([back.get('a "b"!'), file.name, file.type]).toEqual(['X\r\nY', 'ä.bin', 'application/x-test'])
    expect([...(await file.bytes())]).toEqual([0, 255, 13, 10, ...Buffer.from('end')])
  })
})
