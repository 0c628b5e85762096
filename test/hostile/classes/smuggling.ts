import { CALL_HEADERS, PATCHES, refusedRequests } from '../../targets/framing-cases.ts'
import type { Attack, AttackClass } from '../attack.ts'
import { mustBe } from '../judge.ts'
import { ALONE, appOn, type Way, WAYS } from './framing.ts'

/** The second request of a connection; its answer must not come where the first has no clear end. */
const second = (host: string): string => `GET /second HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`

/** Requests whose end is not clear: to be refused, or to take all that follows as their body. */
const UNCLEAR: Readonly<Record<string, (host: string) => string>> = {
  'a length with a plus': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: +0\r\n\r\n`,
  'a length in hexadecimal': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: 0x0\r\n\r\n`,
  'a length of less than nothing': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: -1\r\n\r\n`,
  'a length with a blank in it': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: 0 0\r\n\r\n`,
  'a list of lengths': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: 0, 0\r\n\r\n`,
  'a length that no number holds': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: 99999999999999999999\r\n\r\n`,
  'an empty length': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length: \r\n\r\n`,
  'a length whose name ends with a blank': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length : 40\r\n\r\n`,
  'a length behind a tab': (h) => `POST / HTTP/1.1\r\n${h}\r\nX: y\r\n\tContent-Length: 40\r\n\r\n`,
  'a length with a zero in its name': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-\0Length: 40\r\n\r\n`,
  'an encoding that is nearly chunked': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'an encoding in quotes': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
  'an encoding that is not the last': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'an encoding of nothing': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: identity\r\n\r\n`,
  'an encoding behind a vertical tab': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
  'an encoding on a folded line': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  'a chunk size with a sign': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: chunked\r\n\r\n+0\r\n\r\n`,
  'a chunk size with a prefix': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n`,
  'a chunk size that no number holds': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff1\r\n\r\n`,
  'a chunk without its line end': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`,
  'an extension of a chunk with a line feed': (h) => `POST / HTTP/1.1\r\n${h}\r\nTransfer-Encoding: chunked\r\n\r\n0;a\n0\r\n\r\n`,
  'line feeds alone': (h) => `POST / HTTP/1.1\n${h}\nContent-Length: 3\n\nabc`,
  'a carriage return alone': (h) => `POST / HTTP/1.1\r\n${h}\rX: y\r\nContent-Length: 0\r\n\r\n`,
  'a field without a colon': (h) => `POST / HTTP/1.1\r\n${h}\r\nContent-Length 0\r\n\r\n`,
  'a field without a name': (h) => `POST / HTTP/1.1\r\n${h}\r\n: 0\r\n\r\n`,
  'a request line with four words': (h) => `GET / HTTP/1.1 HTTP/1.1\r\n${h}\r\n\r\n`,
  'no version': (h) => `GET /\r\n${h}\r\n\r\n`,
  'version 1.2': (h) => `GET / HTTP/1.2\r\n${h}\r\n\r\n`,
  'a target with a line feed': (h) => `GET /a\nb HTTP/1.1\r\n${h}\r\n\r\n`,
  'a target with a zero': (h) => `GET /a\0b HTTP/1.1\r\n${h}\r\n\r\n`,
  'the preface of HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
} // prettier-ignore

/** Requests of one meaning that must not be answered as more than one, nor by another app. */
const CLEAR: Readonly<Record<string, (host: string) => string>> = {
  'two hosts': (h) => `GET / HTTP/1.1\r\n${h}\r\nHost: neighbour.localhost\r\nConnection: close\r\n\r\n`,
  'a body on GET': (h) => `GET / HTTP/1.1\r\n${h}\r\nConnection: close\r\nContent-Length: 44\r\n\r\nGET /second HTTP/1.1\r\nHost: x.localhost\r\n\r\n`,
  'a body on HEAD': (h) => `HEAD / HTTP/1.1\r\n${h}\r\nConnection: close\r\nContent-Length: 44\r\n\r\nGET /second HTTP/1.1\r\nHost: x.localhost\r\n\r\n`,
  'an upgrade': (h) => `GET / HTTP/1.1\r\n${h}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: close\r\n\r\n`,
  'an upgrade to HTTP/2': (h) => `GET / HTTP/1.1\r\n${h}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  'a tunnel': (h) => `CONNECT neighbour.localhost:80 HTTP/1.1\r\n${h}\r\n\r\nGET /second HTTP/1.1\r\nHost: neighbour.localhost\r\n\r\n`,
  'a target with another host': (h) => `GET http://neighbour.localhost/second HTTP/1.1\r\n${h}\r\nConnection: close\r\n\r\n`,
  'a field that another host signs': (h) => `GET / HTTP/1.1\r\n${h}\r\nConnection: close\r\nUnmoor-Host-Forward: neighbour ${Date.now()} 1 AAAA\r\nUnmoor-Host-Peer: 9.9.9.9 9\r\n\r\n`,
  'an app named by a header': (h) => `GET / HTTP/1.1\r\n${h}\r\nConnection: close\r\nX-App: neighbour\r\nX-Forwarded-Host: neighbour.localhost\r\nForwarded: host=neighbour.localhost\r\n\r\n`,
} // prettier-ignore

/** Sends what is unclear with a second request behind it. */
function requests(way: Way): Attack[] {
  const unclear = Object.entries(UNCLEAR).map(([name, make]): Attack => ({
    name: `${way}: ${name}`,
    async run(world, app) {
      const host = `Host: ${appOn(way, app)}.localhost`
      const raw = await world.exchange(make(host) + second(host)).catch((error: Error) => error.message)
      return mustBe(!raw.includes('hello /second'), `the second request was answered: ${raw.slice(0, 200)}`)
    },
  }))
  const refused = refusedRequests('HOST').map(([name, status, sent]): Attack => ({
    name: `${way}: ${name}`,
    async run(world, app) {
      const host = `Host: ${appOn(way, app)}.localhost`
      const raw = await world.exchange(sent.replaceAll('HOST', host) + second(host))
      return mustBe(raw.startsWith(`HTTP/1.1 ${status} `) && !raw.includes('/second'), raw.slice(0, 200))
    },
  }))
  const clear = Object.entries(CLEAR).map(([name, make]): Attack => ({
    name: `${way}: ${name}`,
    async run(world, app) {
      const raw = await world
        .exchange(make(`Host: ${appOn(way, app)}.localhost`))
        .catch((error: Error) => error.message)
      const answers = raw.split('HTTP/1.1 ').length - 1
      return mustBe(answers <= 1 && !raw.includes('neighbour /'), `${answers} answers: ${raw.slice(0, 300)}`)
    },
  }))
  return [...unclear, ...refused, ...clear]
}

const SMUGGLED = `return 'x'GET /smuggled HTTP/1.1\\r\\nhost: alone.localhost\\r\\n\\r\\n`
const MORE_HEADERS = [
  `{ 'Content-Length': '0' }`,
  `{ 'Content-Length': '-1' }`,
  `{ 'Transfer-Encoding': 'chunked, identity' }`,
  `{ 'Proxy-Connection': 'keep-alive', 'Proxy-Authorization': 'x', Via: '1.0 x' }`,
  `{ Connection: 'close, host, content-length', Host: 'neighbour.localhost' }`,
  `{ Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__', Connection: 'Upgrade, HTTP2-Settings' }`,
  `{ 'Unmoor-Host-Forward': 'neighbour 1 1 x', 'Unmoor-Host-Peer': 'x' }`,
]

/** Calls to an app with a process of its own, whose connections all callers share. */
const calls = [...CALL_HEADERS, ...MORE_HEADERS].map((headers): Attack => ({
  name: `a call with ${headers}`,
  async run(world) {
    const statuses = await world.value(
      'smuggler',
      `${PATCHES}
      const stream = () => new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("${SMUGGLED}")); c.close() } })
      const statuses = new Set()
      for (let call = 0; call < 10; call++) {
        const answer = await env.alone.fetch('https://right.example/', { method: 'POST', headers: ${headers}, body: call % 2 === 0 ? "${SMUGGLED}" : stream(), duplex: 'half' })
        statuses.add(answer.status)
        await answer.text()
      }
      return [...statuses]`,
    )
    // A body that is no code is a 299 of the app's own: it came whole.
    return mustBe(JSON.stringify(statuses) === '[299]', `the calls were answered ${JSON.stringify(statuses)}`)
  },
}))

/** Requests and calls that carry another one. */
export const smuggling: AttackClass = {
  name: 'smuggling',
  promise: 'A request is one request, to the app that its host names, whatever its head says.',
  tenant: { build: 'plain' },
  others: { alone: ALONE, smuggler: { build: 'caller', services: ['alone', 'neighbour'] } },
  prepare: (world) => world.setApart('alone'),
  attacks: [...WAYS.flatMap(requests), ...calls],
  hole: {
    is: 'the caller’s own length goes to the process that is called',
    file: 'adapters/isolate/host/worker/call-own-process.js',
    from: `    if (request.body !== null)
        headers.push('transfer-encoding', 'chunked');`,
    to: `    if (request.headers.has('content-length')) headers.push('content-length', request.headers.get('content-length'));
    else if (request.body !== null) headers.push('transfer-encoding', 'chunked');`,
    attacks: [`a call with { 'Content-Length': '10' }`, `a call with { 'Content-Length': '0' }`],
    why: /the calls were answered|^smuggler: /,
  },
}
