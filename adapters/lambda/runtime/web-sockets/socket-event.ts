import { encode, type EventHeaders } from '../http-parts.ts'

type MultiValues = Readonly<Record<string, readonly string[] | null | undefined>>

/**
 * The fields that are read of an API Gateway WebSocket API's event. `APIGatewayProxyWebsocketEventV2` of
 * `aws-lambda` lacks the headers, the identity and the two fields of a disconnect, which AWS sends.
 */
export interface SocketApiEvent {
  readonly headers?: EventHeaders | null | undefined
  /** Headers of the WebSocket client; only `$connect` events have headers and a query. */
  readonly multiValueHeaders?: EventHeaders | null | undefined
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>> | null | undefined
  readonly multiValueQueryStringParameters?: MultiValues | null | undefined
  readonly body?: string | null | undefined
  readonly isBase64Encoded?: boolean | undefined
  readonly requestContext: {
    readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT'
    readonly connectionId: string
    readonly domainName: string
    readonly stage: string
    readonly identity?: { readonly sourceIp?: string | undefined } | undefined
    readonly disconnectStatusCode?: number | undefined
    readonly disconnectReason?: string | undefined
  }
}

const TYPES: readonly unknown[] = ['CONNECT', 'MESSAGE', 'DISCONNECT']

/** True if the Lambda event comes from a WebSocket API. */
export function isSocketEvent(event: unknown): event is SocketApiEvent {
  if (typeof event !== 'object' || event === null) return false
  const { requestContext: context } = event as { requestContext?: Partial<SocketApiEvent['requestContext']> }
  return (
    typeof context === 'object' &&
    context !== null &&
    TYPES.includes(context.eventType) &&
    typeof context.connectionId === 'string' &&
    typeof context.domainName === 'string' &&
    typeof context.stage === 'string'
  )
}

/** Returns the query of a WebSocket's `$connect`, encoded again because API Gateway decodes it. */
export function queryOf(event: SocketApiEvent): string {
  const pairs: string[] = []
  const values = event.multiValueQueryStringParameters ?? event.queryStringParameters ?? {}
  for (const [name, value] of Object.entries(values))
    for (const one of typeof value === 'string' ? [value] : (value ?? []))
      pairs.push(`${encode(name)}=${encode(one)}`)
  return pairs.join('&')
}

/** Returns the WebSocket message of a `$default` event; API Gateway only passes on text. */
export function messageOf({ body, isBase64Encoded }: SocketApiEvent): string {
  const text = body ?? ''
  return isBase64Encoded === true ? Buffer.from(text, 'base64').toString() : text
}

/**
 * Returns code and reason of a WebSocket's `$disconnect`. The reasons of 1005 and 1006 are API Gateway's own
 * words.
 */
export function closeOf({ requestContext }: SocketApiEvent): {
  code: number
  reason: string
  clean: boolean
} {
  const code = requestContext.disconnectStatusCode ?? 1006
  const isOwn = code === 1005 || code === 1006
  return { code, reason: isOwn ? '' : (requestContext.disconnectReason ?? ''), clean: code !== 1006 }
}

/**
 * Converts API Gateway's connection id to the socket id that apps see: connection ids end with `=`, which
 * socket ids do not have.
 */
export function socketId(connectionId: string): string {
  return connectionId.replaceAll('=', '.')
}

const SOCKET_ID = /^[\w-]{1,128}\.{0,2}$/

/** Converts a socket id to API Gateway's connection id; undefined for an id that no socket has. */
export function connectionIdOf(id: string): string | undefined {
  return SOCKET_ID.test(id) ? id.replaceAll('.', '=') : undefined
}
