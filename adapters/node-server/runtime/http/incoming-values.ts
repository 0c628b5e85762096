import type { IncomingMessage } from 'node:http'

const PROTO = '__proto__'

/**
 * The headers of an incoming request, by name. node:http's own object, but for a request with a header named
 * `__proto__`, which that object cannot hold.
 */
export function incomingValues({ headers, rawHeaders }: IncomingMessage): IncomingMessage['headers'] {
  let value: string | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length !== PROTO.length || name.toLowerCase() !== PROTO) continue
    value = value === undefined ? rawHeaders[index + 1] : `${value}, ${rawHeaders[index + 1]}`
  }
  return value === undefined ? headers : { ...headers, [PROTO]: value }
}
