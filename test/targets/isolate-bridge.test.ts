/**
 * What crosses the boundary of an isolate: streams with back-pressure both ways, aborts, forms, errors that
 * nobody caught.
 */
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

const KB = 1024

const APP = `
import { defineApp } from 'unmoor'
const state = { pulled: 0, cancelled: 0, received: 0, reads: 0, hanging: false, aborted: '' }
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
      state.hanging = true
      await new Promise((resolve) => request.signal.addEventListener('abort', () => { state.aborted = request.signal.reason.name; resolve() }))
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

type State = {
  pulled: number
  cancelled: number
  received: number
  reads: number
  hanging: boolean
  aborted: string
}
const state = async (): Promise<State> => (await (await fetch(`${lab.runtime.url}/state`)).json()) as State

/**
 * Resolves once a number stays the same for a while: where nothing holds it up, it grows for as long as the
 * test may take.
 */
async function settled(read: () => Promise<number>): Promise<void> {
  let same = 0
  for (let before = -1; same < 3; await sleep(250)) {
    const now = await read()
    same = now === before ? same + 1 : 0
    before = now
  }
}

describe('streams', () => {
  it('out of the isolate stop where the client reads no more, and hear of its end', async () => {
    const response = await fetch(`${lab.runtime.url}/endless`)
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    let read = 0
    while (read < 256 * KB) read += (await reader.read()).value?.byteLength ?? 0
    // The kernel's and node's buffers hold what they hold; after that the isolate is not asked.
    await settled(async () => (await state()).pulled)
    await reader.cancel()
    await expect.poll(async () => (await state()).cancelled).toBe(1)
  })

  it('into the isolate wait for its reads', async () => {
    let sent = 0
    const progress = { ends: false }
    async function* chunks(): AsyncGenerator<Buffer> {
      for (; !progress.ends; sent += 64 * KB) yield Buffer.alloc(64 * KB, 1)
    }
    const { port } = new URL(lab.runtime.url)
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>()
    const sending = pipeline(chunks(), request({ port, path: '/slow', method: 'POST' }, resolve))
    await expect.poll(async () => (await state()).reads).toBe(1)
    await settled(async () => sent)
    // The kernel's and node's buffers are full, and the isolate has what it read.
    expect((await state()).received).toBeLessThanOrEqual(3 * 64 * KB)
    progress.ends = true
    await fetch(`${lab.runtime.url}/go`)
    await sending
    expect(await text(await promise)).toBe(String(sent))
  })
})

describe('signals and forms', () => {
  it('a client that goes away aborts request.signal', async () => {
    const { hostname, port } = new URL(lab.runtime.url)
    const socket = connect(Number(port), hostname).on('error', () => {})
    socket.write(`GET /hang HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`)
    await expect.poll(async () => (await state()).hanging).toBe(true)
    // A plain close alone says that no more comes, not that nobody listens.
    socket.resetAndDestroy()
    await expect.poll(async () => (await state()).aborted).toBe('AbortError')
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
