import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BODIES,
  CALL_HEADERS,
  FRAMING,
  LISTS,
  OF_CONNECTION,
  parse,
  PATCHES,
  refusedRequests,
} from './framing-cases.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

/** Where an app answers: in a process that apps share, and in one of its own. */
const WAYS = ['shared', 'alone'] as const
let artifact: string
let caller: string
let lab: HostLab
beforeAll(async () => {
  artifact = await buildLab(labApp(''))
  caller = await buildLab(labApp(`other: unmoor.service({ app: 'alone' })`))
  lab = await startHostLab({
    processes: 1,
    limits: { cpuMs: 500 },
    apps: {
      shared: { dir: artifact },
      alone: { dir: artifact },
      caller: { dir: caller, services: ['alone'] },
    },
  })
  for (let hit = 0; hit < 5; hit++) await lab.send('alone', { method: 'POST', body: 'for (;;);' })
  while (lab.host.pids.length < 2) await sleep(10)
  while ((await lab.send('alone')).status !== 200) await sleep(10)
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await Promise.all([artifact, caller].map((dir) => rm(dir, { recursive: true, force: true })))
})

/** Sends bytes; returns all that comes until the other side closes. */
function exchange(sent: string): Promise<string> {
  const socket = connect(Number(new URL(lab.host.url).port), '127.0.0.1')
  socket.setEncoding('latin1').write(sent, 'latin1')
  return text(socket)
}

function post(app: string, code: string, head = 'HTTP/1.1\r\nConnection: close'): Promise<string> {
  const body = Buffer.from(code).toString('latin1')
  return exchange(`POST / ${head}\r\nHost: ${app}.localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}

describe.each(WAYS)('an answer of an app that has patched its built-ins, %s', (way) => {
  for (const [name, headers] of LISTS)
    for (const [kind, body] of Object.entries(BODIES))
      it(`says where it ends as the host knows it: ${name}, ${kind}`, async () => {
        const answer = parse(
          await post(
            way,
            `${PATCHES}; return new Response(${body}, { headers: ${JSON.stringify(headers)} })`,
          ),
        )
        expect(answer.names.filter((field) => FRAMING.test(field)).length).toBeLessThanOrEqual(1)
        expect(answer.names.filter((field) => OF_CONNECTION.test(field))).toEqual([])
        expect(answer.rest).toBe('')
        // What cannot be sent as announced is a 500, or cut off: the connection carries nothing after it.
        if (answer.status !== 500) expect('whole body of the answer'.startsWith(answer.body)).toBe(true)
      })

  it.each(['200.5', '204.5', '101', 'NaN', '"200\\r\\nx: y"'])('has no status %s', async (status) => {
    const code = `${PATCHES}; const make = Object.create(Response.prototype, {}); return new Response('body', { status: ${status} })`
    const { status: got, names, rest } = parse(await post(way, code))
    expect(got).toBeGreaterThanOrEqual(200)
    expect(names.filter((field) => FRAMING.test(field))).toEqual(got === 204 ? [] : ['content-length'])
    expect(names).not.toContain('x')
    expect(rest).toBe('')
  })

  it.each([
    ['a name', '["x\\r\\nset-cookie: a=b\\r\\ny", "1"]'],
    ['a value', '["x", "1\\r\\nset-cookie: a=b"]'],
    ['a name with a blank', '["content-length ", "5"]'],
  ])('has no %s that makes lines', async (_name, pair) => {
    const answer = await post(way, `${PATCHES}; return new Response('body', { headers: [${pair}] })`)
    expect(parse(answer).names).not.toContain('set-cookie')
    expect(parse(answer).names.filter((field) => FRAMING.test(field.trim()))).toEqual(['content-length'])
  })
})

describe.each(WAYS)('a request to an app, %s', (way) => {
  const host = `Host: ${way}.localhost`
  it.each(refusedRequests(host))(
    'with %s is refused, and the connection closes',
    async (_name, status, sent) => {
      const answer = await exchange(`${sent}GET /second HTTP/1.1\r\n${host}\r\n\r\n`)
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(answer).not.toContain('/second')
    },
  )

  it('in HTTP/1.0 is answered without chunks, and the connection closes', async () => {
    for (const connection of ['', 'Connection: keep-alive\r\n'])
      for (const body of Object.values(BODIES)) {
        const answer = parse(await post(way, `return new Response(${body})`, `HTTP/1.0\r\n${connection}X: y`))
        expect(answer).toMatchObject({ status: 200, body: 'whole body of the answer' })
        expect(answer.names).not.toContain('transfer-encoding')
      }
  })

  it('comes with its body and its fields, but those of the connection', async () => {
    const code = `return [request.headers.get('x-named'), request.headers.get('x-kept'), request.headers.get('connection'), request.method]`
    const sent = (framing: string, body: string): string =>
      `POST / HTTP/1.1\r\n${host}\r\nConnection: close, x-named\r\nX-Named: n\r\nX-Kept: k\r\n${framing}\r\n\r\n${body}`
    for (const request of [
      sent(`Content-Length: ${code.length}`, code),
      sent('Transfer-Encoding: chunked', `${code.length.toString(16)}\r\n${code}\r\n0\r\n\r\n`),
    ]) {
      const { value } = JSON.parse(parse(await exchange(request)).body) as { value: unknown[] }
      expect(value.slice(1, 2).concat(value.slice(3))).toEqual(['k', 'POST'])
      if (way === 'alone') expect(value[0]).toBe(null)
    }
  })
})

describe('a call of a service that has a process of its own', () => {
  const SMUGGLED = `return 'x'GET /smuggled HTTP/1.1\\r\\nhost: alone.localhost\\r\\n\\r\\n`
  it.each(CALL_HEADERS)('is framed by the host, whatever its headers say: %s', async (headers) => {
    const calls = await lab.run(
      'caller',
      `
      ${PATCHES}
      const stream = () => new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("${SMUGGLED}")); c.close() } })
      const bodies = [() => "${SMUGGLED}", stream]
      const answers = []
      for (let call = 0; call < 20; call++) {
        const answer = await env.other.fetch('https://right.example/', { method: 'POST', headers: ${headers}, body: bodies[call % 2]() , duplex: 'half' }).catch((error) => error)
        answers.push(answer instanceof Response ? answer.status : String(answer.message))
        if (answer instanceof Response) await answer.text()
      }
      return answers
      `,
    )
    // A body that is no code is a 299 of the app's own: it came whole, or the call failed.
    expect(new Set(calls as unknown[])).toEqual(new Set([299]))
    const seen = await lab.run(
      'caller',
      `
      const echo = "return [request.headers.get('host'), request.headers.get('connection') === 'Upgrade', request.headers.get('upgrade'), request.headers.get('unmoor-host-peer'), ctx.client.address ?? null]"
      const answer = await env.other.fetch('https://right.example/', { method: 'POST', body: echo, headers: ${headers} })
      return (await answer.json()).value
      `,
    )
    expect(seen).toEqual(['right.example', false, null, null, null])
  })
})
