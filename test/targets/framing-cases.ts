/**
 * Messages that say more than one thing about where they end, for `host-framing.test.ts` and `test/hostile`.
 */

/** What a tenant does to the guest's own checks. */
export const PATCHES = `
  String.prototype.toLowerCase = function () { return String(this) }
  RegExp.prototype.test = function () { return this.source.startsWith('^') }
  Set.prototype.has = () => false
`

/** Names of an answer's head, and its body as one that trusts them reads it; `rest` is what they leave. */
export function parse(answer: string): { status: number; names: string[]; body: string; rest: string } {
  const end = answer.indexOf('\r\n\r\n')
  const [line = '', ...fields] = answer.slice(0, end).split('\r\n')
  const pairs = fields.map((field) => field.split(/: ?(.*)/) as [string, string])
  const names = pairs.map(([name]) => name.toLowerCase())
  let rest = answer.slice(end + 4)
  let body = ''
  const length = pairs.find(([name]) => name.toLowerCase() === 'content-length')?.[1]
  if (length !== undefined) {
    body = rest.slice(0, Number(length))
    rest = rest.slice(Number(length))
  } else if (names.includes('transfer-encoding')) {
    for (let size = -1; size !== 0;) {
      size = parseInt(rest, 16)
      const begin = rest.indexOf('\r\n') + 2
      body += rest.slice(begin, begin + size)
      rest = rest.slice(begin + size + 2)
    }
  } else {
    body = rest
    rest = ''
  }
  return { status: Number(line.split(' ')[1]), names, body, rest }
}

/** Fields that say where a message ends, and those of one connection. */
export const FRAMING = /^(content-length|transfer-encoding)$/
export const OF_CONNECTION = /^(upgrade|keep-alive|proxy-connection|te|trailer|x-named)$/
/** Headers of an answer that claim what is not so. */
export const LISTS: [string, [string, string][]][] = [
  ['a wrong length', [['Content-Length', '5']]],
  ['two lengths', [['Content-Length', '5'], ['CONTENT-LENGTH', '7']]],
  ['a length and an encoding', [['Content-Length', '5'], ['Transfer-Encoding', 'chunked']]],
  ['an encoding of its own', [['TRANSFER-ENCODING', 'gzip, chunked']]],
  ['an upgrade', [['Connection', 'Upgrade'], ['Upgrade', 'websocket']]],
  ['fields of the connection', [['Connection', 'keep-alive, x-named'], ['Keep-Alive', 'timeout=999'], ['Proxy-Connection', 'keep-alive'], ['Trailer', 'x'], ['TE', 'trailers']]],
] // prettier-ignore
/** Bodies of an answer, as source text. */
export const BODIES = {
  text: `'whole body of the answer'`,
  bytes: `new TextEncoder().encode('whole body of the answer')`,
  'a stream': `new ReadableStream({ async start(c) { for (const part of ['whole ', 'body of ', 'the answer']) { c.enqueue(new TextEncoder().encode(part)); await new Promise((resolve) => setTimeout(resolve, 5)) } c.close() } })`,
}

/** Requests that must be refused, with the status: `host` is the line of the Host field. */
export const refusedRequests = (host: string): [string, number, string][] => [
    ['another version as text', 505, `GET / HTTP/2.0\r\n${host}\r\n\r\n`],
    ['another encoding', 501, `POST / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['an encoding twice', 400, `POST / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['an encoding in HTTP/1.0', 400, `POST / HTTP/1.0\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a length and an encoding', 400, `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', 400, `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
] // prettier-ignore

/** Headers of a service call that say how it is framed, as source text. */
export const CALL_HEADERS = [
  `{ 'Content-Length': '10' }`,
  `{ 'Content-Length': '10', 'Transfer-Encoding': 'chunked' }`,
  `{ 'Transfer-Encoding': 'identity' }`,
  `{ Connection: 'Upgrade', Upgrade: 'websocket', 'Content-Length': '10' }`,
  `{ Host: 'evil.localhost', Expect: '100-continue' }`,
  `{ 'Keep-Alive': 'timeout=1', TE: 'trailers', Trailer: 'x', 'Unmoor-Host-Peer': '9.9.9.9 9' }`,
]
