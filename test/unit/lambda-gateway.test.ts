/** The local WebSocket API, by rules that AWS documents, and what reaches it through the sockets' driver. */
import type { APIGatewayProxyWebsocketEventV2 } from 'aws-lambda'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createTable } from '../../adapters/lambda/local/services/resources.ts'
import { startDynamodb } from '../../adapters/lambda/local/services/dynamodb.ts'
import type { GatewayClock } from '../../adapters/lambda/local/web-sockets/clock.ts'
import type { GatewayEvent } from '../../adapters/lambda/local/web-sockets/gateway-events.ts'
import { createGateway, type GatewayOptions } from '../../adapters/lambda/local/web-sockets/gateway.ts'
import type { ApiResponse } from '../../adapters/lambda/local/runtime-api.ts'
import { ApiGatewaySockets } from '../../adapters/lambda/runtime/web-sockets/driver.ts'
import { connectionIdOf, socketId } from '../../adapters/lambda/runtime/web-sockets/socket-event.ts'
import { ApiGatewayTransport } from '../../adapters/lambda/runtime/web-sockets/transport.ts'
import { checkOrigins } from '../../adapters/lambda/build/build.ts'
import { sockets } from '../../core/bindings/sockets-declaration.ts'
import { createManifest } from '../../core/manifest.ts'
import { defineApp } from '../../core/app.ts'

// The shapes are those that @types/aws-lambda has, as far as it has them.
const typed = (
  event: GatewayEvent,
): Omit<APIGatewayProxyWebsocketEventV2, 'requestContext'> & {
  requestContext: Omit<APIGatewayProxyWebsocketEventV2['requestContext'], 'messageId'>
} => event

/** Time goes on when a test says so. */
class TestClock implements GatewayClock {
  #now = Date.UTC(2026, 0, 1)
  #timers = new Set<{ at: number; callback: () => void }>()

  now(): number {
    return this.#now
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds
    for (const timer of this.#timers) {
      if (timer.at > this.#now) continue
      this.#timers.delete(timer)
      timer.callback()
    }
  }
}

const OK: ApiResponse = { kind: 'buffered', payload: '{"statusCode":200}' }
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(options: Partial<GatewayOptions> = {}): Promise<{
  url: string
  events: GatewayEvent[]
  clock: TestClock
  seen: (type: string, count?: number) => Promise<GatewayEvent[]>
}> {
  const events: GatewayEvent[] = []
  const clock = new TestClock()
  const gateway = await createGateway({
    host: '127.0.0.1',
    stages: ['chat'],
    clock,
    onError: () => {},
    ...options,
    invoke: async (payload) => {
      events.push(JSON.parse(payload) as GatewayEvent)
      return options.invoke === undefined ? OK : options.invoke(payload)
    },
  })
  ends.push(() => gateway.stop())
  const of = (type: string): GatewayEvent[] =>
    events.filter(({ requestContext }) => requestContext.eventType === type)
  const seen = async (type: string, count = 1): Promise<GatewayEvent[]> => {
    await expect.poll(() => of(type).length, { timeout: 60_000 }).toBe(count)
    return of(type)
  }
  return { url: gateway.url('chat'), events, clock, seen }
}

async function connect(url: string): Promise<{ socket: WebSocket; closed: Promise<number>; got: string[] }> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const got: string[] = []
  socket.on('message', (data) => got.push((data as Buffer).toString()))
  const closed = new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)))
  await new Promise((resolve, reject) => {
    socket.on('open', resolve)
    socket.on('error', reject)
  })
  return { socket, closed, got }
}

const SIGNED = {
  authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/execute-api/aws4_request, x',
}

function connectionUrl(url: string, event: GatewayEvent): string {
  const { connectionId } = event.requestContext
  return `${url.replace('ws:', 'http:')}/%40connections/${encodeURIComponent(connectionId)}`
}

describe('the local WebSocket API', () => {
  it('gives events of the shapes that AWS has: headers and query with $connect alone', async () => {
    const { url, seen } = await start()
    const { socket } = await connect(`${url}?a=1&a=%26&b=`)
    socket.send('hello')
    const [message] = await seen('MESSAGE')
    socket.close(4001, 'enough')
    const [end] = await seen('DISCONNECT')
    const [begin] = await seen('CONNECT')
    expect(typed(begin as GatewayEvent).multiValueQueryStringParameters).toEqual({ a: ['1', '&'], b: [''] })
    expect(begin?.headers?.['Sec-WebSocket-Version']).toBe('13')
    expect(begin?.headers).not.toHaveProperty('Upgrade')
    expect(message).toMatchObject({ body: 'hello', requestContext: { routeKey: '$default', stage: 'chat' } })
    expect(message).not.toHaveProperty('headers')
    expect(end?.requestContext).toMatchObject({ disconnectStatusCode: 4001, disconnectReason: 'enough' })
  })

  it('takes frames of 32 KB and messages of 128 KB, and closes for more and for bytes', async () => {
    const { url, events, seen } = await start()
    const part = 'x'.repeat(32 * 1024)
    const { socket } = await connect(url)
    for (const fin of [false, false, false, true]) socket.send(part, { fin })
    const [message] = await seen('MESSAGE')
    expect(message?.body).toBe(part.repeat(4))
    socket.close()
    const frame = await connect(url)
    frame.socket.send(`${part}x`)
    expect(await frame.closed).toBe(1009)
    const long = await connect(url)
    for (const fin of [false, false, false, false, true]) long.socket.send(fin ? 'x' : part, { fin })
    expect(await long.closed).toBe(1009)
    const binary = await connect(url)
    binary.socket.send(new Uint8Array([1]))
    expect(await binary.closed).toBe(1003)
    await seen('DISCONNECT', 4)
    expect(events.filter(({ body }) => body !== undefined)).toHaveLength(1)
  })

  it('ends a connection after ten idle minutes, and after two hours', async () => {
    const { url, clock, seen } = await start()
    const idle = await connect(url)
    clock.pass(10 * 60_000 - 1)
    idle.socket.send('still here')
    await seen('MESSAGE')
    clock.pass(10 * 60_000 - 1)
    expect(idle.socket.readyState).toBe(WebSocket.OPEN)
    clock.pass(1)
    expect(await idle.closed).toBe(1001)
    const busy = await connect(url)
    for (let count = 1; count <= 24; count++) {
      busy.socket.send('busy')
      await seen('MESSAGE', count + 1)
      clock.pass(5 * 60_000)
    }
    expect(await busy.closed).toBe(1001)
    const [, end] = await seen('DISCONNECT', 2)
    expect(end?.requestContext).toMatchObject({ disconnectStatusCode: 1001 })
  })

  it('tells a client of an integration that fails or takes 29 s, and goes on', async () => {
    const held = Promise.withResolvers<ApiResponse>()
    const { url, clock, seen } = await start({
      invoke: async (payload) => {
        if (payload.includes('"body":"hold"')) return held.promise
        if (payload.includes('"body":"fail"')) return { kind: 'error', errorType: 'E', errorMessage: '' }
        return OK
      },
    })
    const { socket, got } = await connect(url)
    socket.send('fail')
    await expect.poll(() => got.length, { timeout: 60_000 }).toBe(1)
    socket.send('hold')
    // Beside the one that is held.
    socket.send('another')
    await seen('MESSAGE', 3)
    clock.pass(29_000)
    await expect.poll(() => got.length, { timeout: 60_000 }).toBe(2)
    expect(got.map((text) => (JSON.parse(text) as { message: string }).message)).toEqual([
      'Internal server error',
      'Endpoint request timed out',
    ])
    held.resolve(OK)
    socket.close()
  })

  it('answers @connections 410 until $connect is answered and after the end, 429, 403 and 400', async () => {
    const answer = Promise.withResolvers<ApiResponse>()
    let throttled = false
    const { url, seen } = await start({
      invoke: async (payload) => (payload.includes('"CONNECT"') ? answer.promise : OK),
      throttles: () => throttled,
      losesDisconnect: () => true,
    })
    const connecting = connect(url)
    const [begin] = await seen('CONNECT')
    const at = connectionUrl(url, begin as GatewayEvent)
    const post = async (target = at, headers: Record<string, string> = SIGNED): Promise<number> =>
      (await fetch(target, { method: 'POST', body: 'hi', headers })).status
    expect(await post()).toBe(410)
    answer.resolve(OK)
    const { got, closed } = await connecting
    expect(await post()).toBe(200)
    await expect.poll(() => got, { timeout: 60_000 }).toEqual(['hi'])
    expect(await post(at, {})).toBe(403)
    expect(await post(at.replace(/[^/]+$/, '%20'))).toBe(400)
    throttled = true
    expect(await post()).toBe(429)
    throttled = false
    expect((await fetch(at, { headers: SIGNED })).status).toBe(200)
    expect((await fetch(at, { method: 'DELETE', headers: SIGNED })).status).toBe(204)
    expect(await closed).toBe(1000)
    expect(await post()).toBe(410)
    // The end was lost, as AWS may lose it.
    await seen('DISCONNECT', 0)
  })

  it('refuses a client with the status of the function, and takes a 2xx for a connection', async () => {
    let result = { statusCode: 401, body: 'who are you?' }
    const { url } = await start({
      invoke: async () => ({ kind: 'buffered', payload: JSON.stringify(result) }),
    })
    await expect(connect(url)).rejects.toThrow('401')
    result = { statusCode: 202, body: '' }
    const { socket } = await connect(url)
    socket.close()
    await expect(connect(url.replace('chat', 'other'))).rejects.toThrow('403')
  })
})

describe("the sockets' driver on DynamoDB", () => {
  async function open(url: string): Promise<{ store: ApiGatewaySockets; transport: ApiGatewayTransport }> {
    const dynamodb = await startDynamodb(undefined)
    ends.push(() => dynamodb.stop())
    await createTable(dynamodb.url, 'table')
    const variables: Record<string, string> = {
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
      UNMOOR_TABLE: 'table',
      CHAT_SOCKETS_URL: url,
    }
    const declaration = sockets({ path: '/chat', origins: ['https://example.com'] })
    const store = new ApiGatewaySockets(
      { retries: 0 },
      {
        binding: 'chat',
        app: 'app',
        declaration,
        variable: (name) => variables[name],
        now: () => Date.now(),
      },
    )
    return { store, transport: new ApiGatewayTransport(declaration, store, () => undefined) }
  }

  it('gives a ticket to one of several callers, and none that has expired', async () => {
    const { store } = await open('ws://127.0.0.1:1/chat')
    await store.saveTicket('one', '{"a":1}', 60)
    const taken = await Promise.all(Array.from({ length: 20 }, () => store.takeTicket('one')))
    expect(taken.filter((value) => value !== null)).toEqual(['{"a":1}'])
    await store.saveTicket('old', '1', -1)
    expect(await store.takeTicket('old')).toBeNull()
  })

  it('publishes to members, forgets those that are gone, and keeps their record for the end', async () => {
    let throttled = false
    const { url, seen } = await start({ throttles: () => throttled })
    const { store, transport } = await open(url)
    const { got } = await connect(url)
    const [begin] = await seen('CONNECT')
    const id = socketId((begin as GatewayEvent).requestContext.connectionId)
    expect(connectionIdOf(id)).toBe(begin?.requestContext.connectionId)
    await store.add(id, '{"user":"ann"}', ['lobby'])
    await store.add('gone', undefined, ['lobby'])
    await transport.publish('lobby', 'hello')
    expect(got).toEqual(['hello'])
    const members: string[] = []
    for await (const page of store.members('lobby')) members.push(...page)
    expect(members).toEqual([id])
    expect(await store.find('gone')).toBeDefined()
    throttled = true
    await expect(transport.send(id, 'x')).rejects.toMatchObject({ code: 'Throttled' })
    throttled = false
    expect(await store.remove(id)).toMatchObject({ data: '{"user":"ann"}', topics: ['lobby'] })
    expect(await store.remove(id)).toBeUndefined()
    await expect(transport.setData(id, '1')).rejects.toMatchObject({ code: 'NotFound' })
  })
})

it('a build for lambda refuses sockets without origins', () => {
  const app = defineApp({ bindings: { chat: sockets({ path: '/chat' }) }, fetch: () => new Response('') })
  expect(() => checkOrigins({ manifest: createManifest('app', app) })).toThrow(/"chat".*origins/)
})
