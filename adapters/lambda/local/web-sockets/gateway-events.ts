/** The events that API Gateway sends for the actions of a WebSocket API's clients. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Facts that every API Gateway event of one WebSocket connection contains. */
export interface ConnectionFacts {
  readonly connectionId: string
  readonly stage: string
  readonly apiId: string
  readonly domainName: string
  /** Time at which the WebSocket client connected, in milliseconds since 1970. */
  readonly connectedAt: number
  readonly sourceIp: string
  readonly userAgent: string | undefined
}

type EventType = 'CONNECT' | 'MESSAGE' | 'DISCONNECT'

const ROUTES = { CONNECT: '$connect', MESSAGE: '$default', DISCONNECT: '$disconnect' } as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Fields that the `requestContext` of every WebSocket API event has. */
export interface GatewayContext {
  routeKey: string
  eventType: EventType
  extendedRequestId: string
  requestTime: string
  messageDirection: 'IN'
  stage: string
  connectedAt: number
  requestTimeEpoch: number
  identity: { sourceIp: string; userAgent?: string }
  requestId: string
  domainName: string
  connectionId: string
  apiId: string
  /** Id of the WebSocket message; events of messages only. */
  messageId?: string
  /** Close code of the WebSocket connection; `$disconnect` only. */
  disconnectStatusCode?: number
  /** Close reason of the WebSocket connection; `$disconnect` only. */
  disconnectReason?: string
}

/** An event of API Gateway's WebSocket API. */
export interface GatewayEvent {
  requestContext: GatewayContext
  body?: string
  isBase64Encoded: boolean
  headers?: Record<string, string>
  multiValueHeaders?: Record<string, string[]>
  queryStringParameters?: Record<string, string>
  multiValueQueryStringParameters?: Record<string, string[]>
}

/** Returns a new id in the form of API Gateway's ids: `L0SM9cOFvHcCIhw=`. */
export function newConnectionId(): string {
  return `${randomBytes(11).toString('base64url')}=`
}

/** Returns API Gateway's event of a WebSocket client that connects. */
export function connectEvent(
  facts: ConnectionFacts,
  now: number,
  request: IncomingMessage,
  query: URLSearchParams,
): GatewayEvent {
  const headers: Record<string, string> = {}
  const multiValueHeaders: Record<string, string[]> = {}
  const { rawHeaders } = request
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at] as string, rawHeaders[at + 1] as string]
    // The headers Connection and Upgrade belong to the connection between the client and API Gateway.
    if (/^(?:connection|upgrade)$/i.test(name)) continue
    headers[name] = value
    ;(multiValueHeaders[name] ??= []).push(value)
  }
  const own = { 'X-Forwarded-For': facts.sourceIp, 'X-Forwarded-Port': '443', 'X-Forwarded-Proto': 'https' }
  for (const [name, value] of Object.entries(own)) {
    headers[name] = value
    multiValueHeaders[name] = [value]
  }
  const names = [...new Set(query.keys())]
  return {
    headers,
    multiValueHeaders,
    ...(names.length === 0
      ? {}
      : {
          queryStringParameters: Object.fromEntries(query),
          multiValueQueryStringParameters: Object.fromEntries(
            names.map((name) => [name, query.getAll(name)]),
          ),
        }),
    requestContext: context(facts, now, 'CONNECT'),
    isBase64Encoded: false,
  }
}

/** Returns API Gateway's event of a WebSocket message, which has no headers and no query. */
export function messageEvent(facts: ConnectionFacts, now: number, body: string): GatewayEvent {
  const messageId = newConnectionId()
  return { requestContext: { ...context(facts, now, 'MESSAGE'), messageId }, body, isBase64Encoded: false }
}

/** Returns API Gateway's event of a WebSocket connection that has ended. */
export function disconnectEvent(
  facts: ConnectionFacts,
  now: number,
  end: { readonly code: number; readonly reason: string },
): GatewayEvent {
  const headers = { Host: facts.domainName, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' }
  return {
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...context(facts, now, 'DISCONNECT'),
      disconnectStatusCode: end.code,
      disconnectReason: end.reason,
    },
    isBase64Encoded: false,
  }
}

function context(facts: ConnectionFacts, now: number, eventType: EventType): GatewayContext {
  const { sourceIp, userAgent, ...rest } = facts
  const requestId = randomUUID()
  return {
    ...rest,
    routeKey: ROUTES[eventType],
    eventType,
    extendedRequestId: requestId,
    requestTime: requestTime(new Date(now)),
    messageDirection: 'IN',
    requestTimeEpoch: now,
    identity: { sourceIp, ...(userAgent === undefined ? {} : { userAgent }) },
    requestId,
  }
}

/** Formats the time of an API Gateway event as `02/Dec/2026:05:07:16 +0000`. */
function requestTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`
  return `${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
}
