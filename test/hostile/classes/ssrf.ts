import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { gzip } from 'node:zlib'
import { type Attack, type AttackClass, harmful, held } from '../attack.ts'
import type { Tenant } from '../cast.ts'
import { judgeAnswer } from '../judge.ts'
import { CANARY, type World } from '../world.ts'

/** The network of the host: a server that no app may reach, and one that all may, which leads there. */
interface Net {
  /** Port of the inner one, which answers with the canary. */
  inner: number
  /** Port of the open one. */
  open: number
  /** Port of a second open one. */
  other: number
  /** How often the inner one was reached. */
  reached: number
  seen: IncomingMessage['headers'][]
}

/** One for each host that is attacked, by the port of its open server. */
const nets = new Map<string, Net>()

function listen(server: Server): Promise<number> {
  server.unref()
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
}

async function startNet(): Promise<Net> {
  const made: Net = { inner: 0, open: 0, other: 0, reached: 0, seen: [] }
  const inner = createServer((_, outgoing) => {
    made.reached++
    outgoing.end(CANARY)
  })
  const open = createServer((incoming, outgoing) => {
    made.seen.push(incoming.headers)
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://h')
    const raw = incoming.socket
    if (pathname === '/to')
      return void outgoing
        .writeHead(Number(searchParams.get('status') ?? 302), { location: searchParams.get('to') ?? '' })
        .end()
    if (pathname === '/round') return void outgoing.writeHead(302, { location: '/round' }).end()
    if (pathname === '/bomb') {
      gzip(Buffer.alloc(2e8), (_, bomb) => outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
      return
    }
    if (pathname === '/bombs')
      return void outgoing
        .writeHead(200, { 'content-encoding': 'gzip, gzip, gzip, gzip, gzip, gzip, gzip' })
        .end('x')
    if (pathname === '/raw') return void raw.end(Buffer.from(searchParams.get('text') ?? '', 'latin1'))
    if (pathname === '/endless') {
      const timer = setInterval(() => outgoing.write(Buffer.alloc(65_536)), 1)
      return void outgoing.once('close', () => clearInterval(timer))
    }
    return void outgoing.end('open')
  })
  const other = createServer((incoming, outgoing) => {
    made.seen.push(incoming.headers)
    outgoing.end('other')
  })
  ;[made.inner, made.open, made.other] = await Promise.all([listen(inner), listen(open), listen(other)])
  // What a name of the machine leads to in IPv6.
  createTcpServer(() => made.reached++)
    .on('error', () => {})
    .listen(made.inner, '::1')
    .unref()
  return made
}

/** The network of an app's host: its open server is what the app's rules name first. */
function networkOf({ config }: World, app: string): Net {
  return nets.get(config.apps?.[app]?.outbound?.allow?.[0] ?? '') as Net
}

/** Every way to write the machine itself. */
const SELF = [
  '127.0.0.1', '127.0.0.2', '127.1', '127.0.1', '0', '0.0.0.0', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001', '2130706433', '127.0.0.1.', '[::1]', '[::]',
  '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::127.0.0.1]', '[0:0:0:0:0:0:0:1]', 'localhost', 'LOCALHOST', 'localhost.', 'a.localhost', '１２７.０.０.１', '①②⑦.⓪.⓪.①', 'loc%61lhost', 'localhost%2e', 'user:pass@127.0.0.1',
] // prettier-ignore
/** Addresses that are no public ones. */
const SPECIAL = [
  '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '169.254.170.2', '100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '198.18.0.1', '203.0.113.9', '224.0.0.1', '255.255.255.255', '0xa9fea9fe', '2852039166', '192.88.99.1',
  '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[64:ff9b::a9fe:a9fe]', '[64:ff9b:1::1]', '[fe80::1]', '[fc00::1]', '[fd00:ec2::254]', '[ff02::1]', '[2001::1]', '[2001:db8::1]', '[2002:7f00:1::]', '[3fff::1]', '[fec0::1]', '[100::1]',
  'metadata.google.internal', 'metadata', 'instance-data',
] // prettier-ignore
const STATUSES = [301, 302, 303, 307, 308]
const TARGETS = ['http://127.0.0.1:INNER/', 'http://[::1]:INNER/', 'http://localhost:INNER/', '//127.0.0.1:INNER/', 'http://2130706433:INNER/', 'http://169.254.169.254/latest/meta-data/'] // prettier-ignore
const SCHEMES = [
  'file:///etc/passwd', 'ftp://127.0.0.1:INNER/', 'gopher://127.0.0.1:INNER/_GET', 'ws://127.0.0.1:INNER/', 'data:text/plain,x', 'blob:http://127.0.0.1:INNER/x', 'javascript:1', 'unix:///tmp/x', 'http+unix://%2Ftmp%2Fx/', 'view-source:http://127.0.0.1:INNER/', 'jar:http://127.0.0.1:INNER!/', 'about:blank',
] // prettier-ignore
/** Ports of servers that would take HTTP for their own language; the host may reach the open address. */
const PORTS = [22, 25, 110, 143, 465, 587, 6667, 6000, 2049, 5060, 6697, 10080]

/** What a server that an app may reach answers to harm the host. */
const ANSWERS: Readonly<Record<string, string>> = {
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nabcdefghi',
  'a length and an encoding': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'a length of less than nothing': 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc',
  'a chunk without end': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nabc',
  'no status': 'HELLO\r\n\r\n',
  'a status of three hundred without a place': 'HTTP/1.1 302 Found\r\n\r\n',
  'a place that is no URL': 'HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n',
  'a place with a line': 'HTTP/1.1 302 Found\r\nLocation: /a\r\n b\r\n\r\n',
  'an interim answer': 'HTTP/1.1 103 Early\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'another protocol': 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nx',
  'status 999': 'HTTP/1.1 999 X\r\nContent-Length: 1\r\n\r\nx',
  'a head without end': `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(200)}`,
  'a name of the prototype': 'HTTP/1.1 200 OK\r\n__proto__: leak\r\nconstructor: leak\r\nContent-Length: 1\r\n\r\nx',
  'two answers': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny',
} // prettier-ignore

/** Fetches; the inner server must not be reached. What it would answer is found by the world. */
function fetches(name: string, url: (net: Net) => string, init = '{}'): Attack {
  return {
    name,
    async run(world, app) {
      const made = networkOf(world, app)
      const before = made.reached
      const answer = await world.code(
        app,
        `return fetch(${JSON.stringify(url(made))}, { signal: AbortSignal.timeout(4000), ...${init} }).then((answer) => answer.text(), (error) => 'refused: ' + error.name + ' ' + error.message)`,
      )
      if (made.reached !== before) return harmful('the inner server was reached')
      if (/root:x:0/.test(answer.text)) return harmful('a file of the host was read')
      return judgeAnswer(app, answer)
    },
  }
}

/** What another origin is told of the first. */
function leaks(name: string, init: string, field: string): Attack {
  return {
    name,
    async run(world: World, app: string) {
      const made = networkOf(world, app)
      const mark = `mark-${Math.random()}`
      await world.code(
        app,
        `return fetch('http://127.0.0.1:${made.open}/to?to=' + encodeURIComponent('http://127.0.0.1:${made.other}/'), { ...${init.replaceAll('MARK', mark)} }).then((answer) => answer.text(), (error) => error.message)`,
      )
      const told = made.seen.filter((headers) => String(headers[field] ?? '').includes(mark))
      const toOther = told.filter(({ host }) => host === `127.0.0.1:${made.other}`)
      return toOther.length === 0 ? held : harmful(`${field} went to another origin`)
    },
  }
}

const tenant = async (): Promise<Tenant> => {
  const made = await startNet()
  const { open, other } = made
  nets.set(`127.0.0.1:${open}`, made)
  const ports = PORTS.map((port) => `127.0.0.1:${port}`)
  return {
    build: 'plain',
    limits: { cpuMs: 3000, wallTimeout: 15 },
    outbound: { allow: [`127.0.0.1:${open}`, `127.0.0.1:${other}`, ...ports] },
  }
}

const replace = (text: string, { inner }: Net): string => text.replace('INNER', String(inner))

/** The network, as an app reaches it. */
export const ssrf: AttackClass = {
  name: 'ssrf',
  promise:
    'An app’s fetch reaches public addresses and what the operator allows, by no name and no redirect more.',
  tenant,
  perApp: 10,
  parallel: 10,
  attacks: [
    ...SELF.map((host) => fetches(`the machine as ${host}`, ({ inner }) => `http://${host}:${inner}/`)),
    ...SPECIAL.map((host) => fetches(`the address ${host}`, () => `http://${host}/latest/meta-data/`)),
    ...STATUSES.flatMap((status) =>
      TARGETS.map((target) =>
        fetches(
          `a redirect ${status} to ${target}`,
          (made) =>
            `http://127.0.0.1:${made.open}/to?status=${status}&to=${encodeURIComponent(replace(target, made))}`,
        ),
      ),
    ),
    ...SCHEMES.map((url) => fetches(`the URL ${url}`, (made) => replace(url, made))),
    ...SCHEMES.map((url) =>
      fetches(
        `a redirect to ${url}`,
        (made) => `http://127.0.0.1:${made.open}/to?to=${encodeURIComponent(replace(url, made))}`,
      ),
    ),
    ...PORTS.map((port) => fetches(`the port ${port}`, () => `http://127.0.0.1:${port}/`)),
    fetches('a redirect to itself', ({ open }) => `http://127.0.0.1:${open}/round`),
    fetches(
      'a redirect of a redirect',
      ({ open, inner }) =>
        `http://127.0.0.1:${open}/to?to=${encodeURIComponent(`/to?to=${encodeURIComponent(`http://127.0.0.1:${inner}/`)}`)}`,
    ),
    fetches(
      'another Host',
      ({ inner }) => `http://127.0.0.1:${inner}/`,
      `{ headers: { Host: 'example.com' } }`,
    ),
    fetches('a body that grows', ({ open }) => `http://127.0.0.1:${open}/bomb`),
    fetches('a body in seven wrappings', ({ open }) => `http://127.0.0.1:${open}/bombs`),
    fetches('a body without end', ({ open }) => `http://127.0.0.1:${open}/endless`),
    ...Object.entries(ANSWERS).map(([name, text]) =>
      fetches(
        `an answer with ${name}`,
        ({ open }) => `http://127.0.0.1:${open}/raw?text=${encodeURIComponent(text)}`,
      ),
    ),
    leaks('a token over a redirect', `{ headers: { authorization: 'MARK' } }`, 'authorization'),
    leaks('a cookie over a redirect', `{ headers: { cookie: 'a=MARK' } }`, 'cookie'),
    leaks(
      'a proxy’s token over a redirect',
      `{ headers: { 'proxy-authorization': 'MARK' } }`,
      'proxy-authorization',
    ),
  ],
  hole: {
    is: 'redirects go where they like',
    file: 'adapters/isolate/services/outbound/rules.js',
    from: 'if (!isPublic(address))',
    to: `if (!isPublic(address) && address === hostname)`,
    attacks: ['the machine as localhost', 'a redirect 302 to http://localhost:INNER/'],
    why: /the inner server was reached|the answer has/,
  },
}
