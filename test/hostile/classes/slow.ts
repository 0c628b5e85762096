import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, boundedBy, harmful, held } from '../attack.ts'
import type { World } from '../world.ts'

const UPLOADS = 20

/** How a client begins and goes on; `app` is who it asks. */
interface Client {
  begin: (app: string) => string
  /** Sent again and again. Default: nothing. */
  more?: string
  /** Does not read what comes. */
  deaf?: boolean
}

const post = (app: string, framing: string): string =>
  `POST / HTTP/1.1\r\nHost: ${app}.localhost\r\n${framing}\r\n\r\n`
const code = (app: string, text: string): string => `${post(app, `Content-Length: ${text.length}`)}${text}`
const ENDLESS = `return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)) } }))`

const CLIENTS: Readonly<Record<string, Client>> = {
  'a body of which a byte came': { begin: (app) => `${post(app, 'Content-Length: 500000')}x` },
  'a body of which nothing came': { begin: (app) => post(app, 'Content-Length: 500000') },
  'a body that drips': { begin: (app) => post(app, 'Content-Length: 500000'), more: 'x' },
  'a chunk that does not end': { begin: (app) => `${post(app, 'Transfer-Encoding: chunked')}ffff\r\nx` },
  'chunks that drip': { begin: (app) => post(app, 'Transfer-Encoding: chunked'), more: '1\r\nx\r\n' },
  'extensions of a chunk without end': { begin: (app) => `${post(app, 'Transfer-Encoding: chunked')}1;`, more: 'a' },
  'trailers without end': { begin: (app) => `${post(app, 'Transfer-Encoding: chunked')}0\r\n`, more: 'x: y\r\n' },
  'a body that is expected': { begin: (app) => post(app, 'Content-Length: 500000\r\nExpect: 100-continue') },
  'a body of the longest length': { begin: (app) => post(app, 'Content-Length: 104857600'), more: 'x'.repeat(100) },
  'a head that does not end': { begin: (app) => `GET / HTTP/1.1\r\nHost: ${app}.localhost\r\nX: ` },
  'a head that drips': { begin: (app) => `GET / HTTP/1.1\r\nHost: ${app}.localhost\r\n`, more: 'x: y\r\n' },
  'a line that does not end': { begin: () => 'GET /', more: 'a' },
  'nothing': { begin: () => '' },
  'an answer that nobody reads': { begin: (app) => code(app, ENDLESS), deaf: true },
  'many requests on one connection, unread': { begin: (app) => `GET / HTTP/1.1\r\nHost: ${app}.localhost\r\n\r\n`.repeat(200), deaf: true },
  'a kept connection': { begin: (app) => `GET / HTTP/1.1\r\nHost: ${app}.localhost\r\n\r\n` },
} // prettier-ignore

/** Opens connections, and has them go on until they are all closed by the host, or the neighbour was asked. */
async function hold(world: World, app: string, { begin, more, deaf }: Client): Promise<number> {
  const port = Number(new URL(world.lab.host.url).port)
  const sockets: Socket[] = []
  for (let one = 0; one < UPLOADS * 2; one++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    if (deaf !== true) socket.resume()
    socket.write(begin(app))
    sockets.push(socket)
  }
  const drip = setInterval(() => more !== undefined && sockets.forEach((socket) => socket.write(more)), 50)
  try {
    await sleep(300)
    let served = 0
    // The app itself, and its neighbour, are there for who sends a whole request.
    for (const name of [app, 'neighbour', app, 'neighbour'])
      if ((await world.send(name)).status === 200) served++
    return served
  } finally {
    clearInterval(drip)
    for (const socket of sockets) socket.destroy()
  }
}

/** Clients that send or read slowly, or not at all. */
export const slow: AttackClass = {
  name: 'slow-clients',
  promise: 'Who sends or reads slowly takes no place of those who do not.',
  tenant: { build: 'plain', limits: { concurrentRequests: 50, concurrentUploads: UPLOADS, cpuMs: 5000 } },
  perApp: 1,
  parallel: 4,
  attacks: Object.entries(CLIENTS).map(([name, client]): Attack => ({
    name,
    async run(world, app) {
      // Started before, so that the limit is what is asked.
      await world.send(app)
      const served = await hold(world, app, client)
      if (served < 4) return harmful(`${4 - served} of 4 whole requests were not served`)
      const isUpload = client.begin(app).startsWith('POST') && client.deaf !== true
      return isUpload ? boundedBy(app, 'concurrentUploads') : held
    },
  })),
  hole: {
    is: 'bodies that have not come are not counted apart',
    file: 'adapters/isolate/host/worker/uploads.js',
    from: '        if (this.#all >= this.#max || ofAddress >= Math.ceil(this.#max / 2))\n            return false;',
    to: '        return true;',
    attacks: ['a body of which a byte came', 'a body that drips'],
    why: /were not served|not in the metrics/,
  },
}
