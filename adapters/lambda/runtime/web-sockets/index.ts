/**
 * `unmoor/internal/lambda/sockets`: sockets bindings on API Gateway's WebSocket APIs. Only entries of apps
 * that declare sockets import it.
 */
import process from 'node:process'
import type { SocketTransportFactory } from '../../../../core/bindings/socket-transport.ts'
import { utf8Length } from '../../../../core/bindings/bytes.ts'
import { TICKET_PARAMETER } from '../../../../core/bindings/sockets.ts'
import type { Context, OwnedContext } from '../../../../core/context.ts'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { SOCKET_LIMITS } from '../../../../core/limits.ts'
import type { DriverOptionTables } from '../../../../core/option-table.ts'
import { handlesSocketEvent, runSocketEvent } from '../../../../core/runtime/socket-events.ts'
import { isAllowedOrigin } from '../../../../core/runtime/socket-origin.ts'
import { isNews, nameEvent } from '../../../node-server/runtime/events.ts'
import type { EventOptions, EventResult, SocketsPart } from '../events.ts'
import { type HttpCall, toHttpCall } from '../http-event.ts'
import { toHeaders } from '../http-parts.ts'
import { addHeader } from '../incoming-headers.ts'
import { type ApiGatewayFactory, ApiGatewaySockets } from './driver.ts'
import { closeOf, isSocketEvent, messageOf, queryOf, type SocketApiEvent, socketId } from './socket-event.ts'
import { ApiGatewayTransport } from './transport.ts'
import { Upgrade } from './upgrade.ts'

/** The driver of sockets bindings on Lambda. */
export const sockets: ApiGatewayFactory = (options, context) => new ApiGatewaySockets(options, context)
/**
 * The driver of ticketed sockets on Lambda; it is the same as {@link sockets}, because every table can store
 * tickets.
 */
export const ticketedSockets: ApiGatewayFactory = (options, context) =>
  new ApiGatewaySockets(options, context)

/** Creates the part of the Lambda runtime that handles WebSocket events. */
export function createLambdaSockets(): SocketsPart {
  return new LambdaSockets()
}

/** Result that API Gateway takes as success for any WebSocket event. */
const OK = { statusCode: 200 }

/** One event of one sockets binding's WebSocket API, while it is handled. */
interface Turn {
  readonly binding: string
  readonly id: string
  readonly transport: ApiGatewayTransport
  readonly event: SocketApiEvent
  readonly options: EventOptions
}

class LambdaSockets implements SocketsPart {
  #transports = new Map<string, ApiGatewayTransport>()
  #upgrades = new WeakMap<Request, Upgrade>()
  /** The current WebSocket upgrade, for copies of its request that frameworks make. */
  #current = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Upgrade>()

  readonly transport: SocketTransportFactory = ({ binding, declaration }, driver) => {
    const upgradeOf = (request: Request): Upgrade | undefined =>
      this.#upgrades.get(request) ?? this.#current.getStore()
    const transport = new ApiGatewayTransport(declaration, driver as ApiGatewaySockets, upgradeOf)
    this.#transports.set(binding, transport)
    return transport
  }

  handle(
    event: unknown,
    ctx: OwnedContext,
    signal: AbortSignal,
    options: EventOptions,
  ): Promise<EventResult> | undefined {
    if (!isSocketEvent(event)) return undefined
    const { eventType, connectionId, stage } = event.requestContext
    const transport = this.#transports.get(stage)
    if (transport === undefined) throw unknownStage(stage, [...this.#transports.keys()])
    const id = socketId(connectionId)
    nameEvent(`socket ${stage} ${id}, ${eventType.toLowerCase()}`)
    const turn: Turn = { binding: stage, id, transport, event, options }
    switch (eventType) {
      case 'CONNECT':
        return this.#connect(turn, ctx, signal)
      case 'MESSAGE':
        return message(turn, ctx)
      case 'DISCONNECT':
        return disconnect(turn, ctx)
    }
  }

  async #connect(turn: Turn, ctx: OwnedContext, signal: AbortSignal): Promise<EventResult> {
    const { id, transport, options } = turn
    const call = toCall(turn, signal)
    ctx.sentBy(call.client)
    // The cast of a `$connect` call's request is safe, because a GET always has a request.
    const request = call.request as Request
    const upgrade = new Upgrade(id)
    this.#upgrades.set(request, upgrade)
    const refusal = await admit(request, turn, upgrade)
    const response = refusal ?? (await this.#current.run(upgrade, () => options.runtime.fetch(request, ctx)))
    const accepted = upgrade.take(response)
    void response.body?.cancel().catch(() => undefined)
    if (accepted === undefined) return { json: { statusCode: refusedStatus(response, turn) } }
    const { data, topics, protocol } = accepted
    await transport.store.add(id, data, topics)
    return {
      json: {
        ...OK,
        ...(protocol === undefined ? {} : { headers: { 'Sec-WebSocket-Protocol': protocol } }),
      },
      after: () => {
        if (handlesSocketEvent({ runtime: options.runtime, binding: turn.binding }, 'open'))
          ctx.waitUntil(run(turn, { id, data }, { type: 'open' }, ctx))
      },
    }
  }
}

async function message(turn: Turn, ctx: Context): Promise<EventResult> {
  const { binding, id, transport, options } = turn
  const { autoResponse } = transport.declaration
  const text = messageOf(turn.event)
  if (autoResponse?.[0] === text) {
    await ifOpen(transport.send(id, autoResponse[1]))
    return { json: OK }
  }
  const max = SOCKET_LIMITS['sockets.message']
  // API Gateway joins WebSocket frames up to 128 KB. Other targets close with 1009 beyond the portable limit.
  if (text.length * 3 > max && utf8Length(text) > max) {
    options.log(`socket ${binding} ${id}: closed for a message of over ${max} bytes`)
    await transport.end(id)
    return { json: OK }
  }
  if (!handlesSocketEvent({ runtime: options.runtime, binding }, 'message')) return { json: OK }
  const record = await transport.store.find(id)
  if (record === undefined) await transport.end(id)
  else await run(turn, { id, data: record.data }, { type: 'message', message: text }, ctx)
  return { json: OK }
}

async function disconnect(turn: Turn, ctx: Context): Promise<EventResult> {
  const { id, transport, event } = turn
  // AWS may send a `$disconnect` twice; only one of them finds the socket's record.
  const record = await transport.store.remove(id)
  if (record !== undefined)
    await run(turn, { id, data: record.data }, { type: 'close', ...closeOf(event) }, ctx)
  return { json: OK }
}

/** Calls the app's handler for a socket; a thrown error closes the socket. */
async function run(
  { binding, transport, options }: Turn,
  state: Parameters<typeof runSocketEvent>[1],
  event: Parameters<typeof runSocketEvent>[2],
  ctx: Context,
): Promise<void> {
  const onError = (text: string, error: unknown): void => {
    if (isNews(error)) options.log(text, error)
  }
  const result = await runSocketEvent({ runtime: options.runtime, binding, onError }, state, event, ctx)
  if ('error' in result && event.type !== 'close') await transport.end(state.id)
}

async function ifOpen(call: Promise<void>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!isUnmoorError(error, 'NotFound')) throw error
  })
}

/** Checks a WebSocket's `$connect` before the app's handler runs; a returned Response refuses it. */
async function admit(request: Request, { transport }: Turn, upgrade: Upgrade): Promise<Response | undefined> {
  const { declaration, store } = transport
  const origin = request.headers.get('origin')
  const url = new URL(request.url)
  if (origin !== null && !isAllowedOrigin(origin, url, declaration.origins))
    return new Response(null, { status: 403 })
  const ticket = declaration.tickets === true ? url.searchParams.get(TICKET_PARAMETER) : null
  if (ticket === null) return undefined
  const value = await store.takeTicket(ticket)
  if (value === null) return new Response(null, { status: 401 })
  upgrade.ticket = value
  return undefined
}

/** Returns the request of a WebSocket's `$connect`: a GET of the binding's path. */
function toCall({ transport, event, options }: Turn, signal: AbortSignal): HttpCall {
  const { requestContext } = event
  const headers = toHeaders(event.multiValueHeaders ?? event.headers)
  // API Gateway removes the WebSocket handshake's headers Upgrade and Connection, so they are added again.
  addHeader(headers, 'upgrade', 'websocket', true)
  addHeader(headers, 'connection', 'Upgrade', true)
  const { localFront, trustProxy } = options
  return toHttpCall(
    {
      source: 'v1',
      method: 'GET',
      host: requestContext.domainName,
      protocol: 'https',
      path: transport.declaration.path,
      query: queryOf(event),
      headers,
      sourceIp: requestContext.identity?.sourceIp,
      body: null,
      isBase64Encoded: false,
    },
    { localFront, trustProxy, signal },
  )
}

/**
 * Returns the status that refuses a WebSocket client. Only 4xx and 5xx refuse: API Gateway takes any 2xx as a
 * connection, whatever the app meant.
 */
function refusedStatus({ status }: Response, { binding, id, options }: Turn): number {
  if (status >= 400 && status <= 599) return status
  options.log(
    `socket ${binding} ${id}: the fetch handler answered ${status}, which was no answer of accept. The ` +
      'client gets 403: a WebSocket API sends 4xx and 5xx only.',
  )
  return 403
}

function unknownStage(stage: string, bindings: readonly string[]): UnmoorError {
  return new UnmoorError(
    'NotFound',
    `An event came of the stage "${stage}" of a WebSocket API, and stages are named after sockets ` +
      `bindings. This app has: ${bindings.join(', ')}.`,
    { operation: 'lambda' },
  )
}

const store = { table: 'string', prefix: 'string', region: 'string' } as const

export const options = { sockets: store, ticketedSockets: store } satisfies DriverOptionTables
