/** WebSockets that a Worker opens: `new WebSocket(url)`, and fetch with `Upgrade: websocket`. */
import { type HandshakeAnswer, type HandshakeDone, platform } from './platform.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Opens a WebSocket connection for `new WebSocket`. @throws `SyntaxError` for an invalid address or protocol.
 */
export function connectSocket(
  given: string,
  protocols: string | readonly string[] | undefined,
): { url: string; answer: Promise<HandshakeDone> } {
  const syntax = (what: string): never => {
    throw new DOMException(`WebSocket Constructor: ${what}`, 'SyntaxError')
  }
  if (!URL.canParse(given)) return syntax('The url is invalid.')
  const url = new URL(given)
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') return syntax('The url scheme must be ws or wss.')
  if (url.hash !== '') return syntax('The url fragment must be empty.')
  const list = protocols === undefined ? [] : typeof protocols === 'string' ? [protocols] : [...protocols]
  if (new Set(list).size < list.length) return syntax('The protocols header cannot have repeating values.')
  if (!list.every((one) => TOKEN.test(one))) return syntax('The protocol header token is invalid.')
  const { href } = url
  url.protocol = url.protocol === 'ws:' ? 'http:' : 'https:'
  const answer = platform().connect({ url: url.href, headers: new Headers(), protocols: list })
  return { url: href, answer: answer.then(established) }
}

async function established(answer: HandshakeAnswer): Promise<HandshakeDone> {
  if ('end' in answer) return answer
  const { response } = answer
  await response.body?.cancel()
  throw new TypeError(
    'Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 ' +
      `(switching protocols), but received ${response.status} instead.`,
  )
}
