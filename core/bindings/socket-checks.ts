/** Checks of the portable limits and forms of WebSockets: what fails a check never reaches a platform. */
import { invalidArgument, limitExceeded, UnmoorError } from '../errors.ts'
import { SOCKET_LIMITS } from '../limits.ts'
import { utf8Length, viewBytes } from './bytes.ts'
import { checkText } from './keys.ts'
import type { Where } from './operation.ts'
import type { SocketMessage } from './socket-transport.ts'

/** Matches a token of HTTP (RFC 9110, section 5.6.2); a WebSocket subprotocol is such a token. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

function refuse(where: Where, text: string): UnmoorError {
  return invalidArgument(where, `${where.binding}.${where.operation}: ${text}`)
}

/** Checks a WebSocket message against the size limit of its binding. */
export function checkMessage(
  message: unknown,
  where: Where,
  allows: { readonly binary?: boolean | undefined; readonly largeMessages?: boolean | undefined },
): SocketMessage {
  const limit = allows.largeMessages === true ? 'sockets.largeMessage' : 'sockets.message'
  const max = SOCKET_LIMITS[limit]
  const hint =
    allows.largeMessages === true
      ? 'Send it in parts, or send the key of a blob.'
      : 'Send it in parts, or declare sockets({ largeMessages: true }) for targets that have it.'
  if (typeof message === 'string') {
    // A UTF-16 unit is at most three bytes in UTF-8, so the bytes of short WebSocket messages need no count.
    const size = message.length * 3 > max ? utf8Length(message) : 0
    if (size > max) throw limitExceeded(where, limit, size, max, hint)
    checkText(message, where, 'message')
    return message
  }
  if (!(message instanceof ArrayBuffer || ArrayBuffer.isView(message)))
    throw refuse(
      where,
      `a message is text${allows.binary === true ? ' or bytes' : ''}, not ` +
        `${message === null ? 'null' : typeof message}. JSON.stringify() makes text of a value.`,
    )
  if (allows.binary !== true)
    throw new UnmoorError(
      'Unsupported',
      `${where.binding}.${where.operation}: this binding sends text only. Declare ` +
        'sockets({ binary: true }) for targets that have it, or send text, such as base64.',
      { ...where, details: { capability: 'sockets.binary' } },
    )
  const bytes = viewBytes(message)
  if (bytes.byteLength > max) throw limitExceeded(where, limit, bytes.byteLength, max, hint)
  return bytes
}

/** Checks the name of a sockets topic: 1 to 128 bytes of well-formed text. */
export function checkTopic(topic: unknown, where: Where): asserts topic is string {
  if (typeof topic !== 'string' || topic === '') throw refuse(where, 'a topic is text that is not empty.')
  checkText(topic, where, 'topic')
  const max = SOCKET_LIMITS['sockets.topic']
  const size = utf8Length(topic)
  if (size > max) throw limitExceeded(where, 'sockets.topic', size, max)
}

/** Checks the topics that a WebSocket starts with; returns each once. */
export function checkTopics(topics: unknown, where: Where): readonly string[] {
  if (topics === undefined) return []
  if (!Array.isArray(topics)) throw refuse(where, 'topics is an array of text.')
  for (const topic of topics) checkTopic(topic, where)
  const unique = [...new Set(topics as string[])]
  checkTopicCount(unique.length, where)
  return unique
}

function checkTopicCount(count: number, where: Partial<Where>): void {
  const max = SOCKET_LIMITS['sockets.topics']
  if (count > max) throw limitExceeded(where, 'sockets.topics', count, max, 'Unsubscribe from one first.')
}

/**
 * Adds a topic to the topics of a WebSocket; returns the same list if the socket has the topic already. For
 * transports.
 *
 * @throws `LimitExceeded` for a 17th topic.
 */
export function addTopic(topics: readonly string[], topic: string): readonly string[] {
  if (topics.includes(topic)) return topics
  checkTopicCount(topics.length + 1, {})
  return [...topics, topic]
}

/** Encodes a socket's or ticket's data as JSON text within a limit; undefined if there is none. */
export function encodeData(
  value: unknown,
  where: Where,
  limit: 'sockets.data' | 'sockets.ticket',
): string | undefined {
  if (value === undefined) return undefined
  const what = limit === 'sockets.data' ? 'data' : 'ticket'
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw invalidArgument(where, `${where.binding}.${where.operation}: ${what} is no JSON value.`, error)
  }
  if (text === undefined) throw refuse(where, `${what} is a JSON value, not a ${typeof value}.`)
  return checkDataText(text, where, limit)
}

/**
 * Checks the JSON text of a socket's or ticket's data that crossed a bridge against its limit; undefined if
 * there is none.
 */
export function checkDataText(
  text: unknown,
  where: Where,
  limit: 'sockets.data' | 'sockets.ticket',
): string | undefined {
  if (text === undefined) return undefined
  const what = limit === 'sockets.data' ? 'data' : 'ticket'
  if (typeof text !== 'string') throw refuse(where, `${what} crosses the bridge as JSON text.`)
  checkText(text, where, what)
  const size = utf8Length(text)
  const max = SOCKET_LIMITS[limit]
  if (size > max) throw limitExceeded(where, limit, size, max, 'Keep the rest in a kv and put its key here.')
  return text
}

/** Checks the code and the reason with which an app closes a WebSocket. */
export function checkClose(code: unknown, reason: unknown, where: Where): void {
  if (code !== 1000 && !(Number.isInteger(code) && (code as number) >= 3000 && (code as number) <= 4999))
    throw refuse(
      where,
      `${String(code)} is no code to close with: 1000 is the normal end, 3000 to 4999 are the app's own.`,
    )
  if (typeof reason !== 'string') throw refuse(where, 'the reason is text.')
  checkText(reason, where, 'reason')
  const max = SOCKET_LIMITS['sockets.reason']
  const size = utf8Length(reason)
  if (size > max) throw limitExceeded(where, 'sockets.reason', size, max)
}

/** Checks a WebSocket subprotocol, which the client must have offered; undefined if there is none. */
export function checkProtocol(protocol: unknown, offered: string | null, where: Where): string | undefined {
  if (protocol === undefined) return undefined
  if (typeof protocol !== 'string' || !TOKEN.test(protocol))
    throw refuse(where, 'protocol is the name of a subprotocol, without blanks and commas.')
  const offers = (offered ?? '').split(',').map((one) => one.trim())
  if (!offers.includes(protocol))
    throw refuse(
      where,
      `the client did not offer the subprotocol "${protocol}" (it offered ` +
        `${offered === null ? 'none' : `"${offered}"`}). Browsers end a connection with one that they did ` +
        'not offer: choose one of those, or none.',
    )
  return protocol
}
