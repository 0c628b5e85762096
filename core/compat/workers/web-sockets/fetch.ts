import { platform } from './platform.ts'
import { createHandshakeResponse, defineGetter } from './response.ts'
import { createWebSocket } from './web-socket.ts'

/**
 * Extends `fetch` so that `Upgrade: websocket` opens a WebSocket, returned as `webSocket` of the response.
 */
export function extendFetchWithUpgrade(): void {
  const own = globalThis.fetch
  const upgrading = async (...args: Parameters<typeof fetch>): Promise<Response> => {
    const [input, init] = args
    if (upgradeHeader(input, init)?.toLowerCase() !== 'websocket') {
      const response = await own(...args)
      defineGetter(Object.getPrototypeOf(response) as object)
      return response
    }
    const url = new URL(input instanceof Request ? input.url : String(input))
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new TypeError(`Fetch API cannot load: ${url.href}`)
    const headers = headersOf(input, init)
    const offered = headers.get('sec-websocket-protocol')
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined)
    const protocols = offered === null ? [] : offered.split(',').map((one) => one.trim())
    const answer = await platform().connect({ url: url.href, headers, protocols, signal })
    if ('response' in answer) return answer.response
    return createHandshakeResponse(createWebSocket(answer.end), answer.headers)
  }
  Object.defineProperty(upgrading, 'name', { value: 'fetch' })
  Object.defineProperty(globalThis, 'fetch', { value: upgrading, writable: true, configurable: true })
}

function headersOf(input: RequestInfo | URL, init: RequestInit | undefined): Headers {
  return new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
}

/**
 * Returns the Upgrade header of a fetch call. Calls without headers, the most common, are recognised early.
 */
function upgradeHeader(input: RequestInfo | URL, init: RequestInit | undefined): string | null {
  if (init?.headers === undefined && !(input instanceof Request)) return null
  return headersOf(input, init).get('upgrade')
}
