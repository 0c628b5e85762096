import { Hono } from 'hono'
import { upgradeWebSocket } from 'hono/cloudflare-workers'
import {
  type Connection,
  type ConnectionContext,
  getServerByName,
  routePartykitRequest,
  Server,
} from 'partyserver'

interface Env extends Record<string, unknown> {
  Lobby: DurableObjectNamespace<Lobby>
  Desk: DurableObjectNamespace<Desk>
}
interface Seat {
  name: string
  since: Date
}

/** Who is here, who said what: for both kinds of servers. */
abstract class Party extends Server<Env> {
  log: string[] = []

  getConnectionTags(_connection: Connection, { request }: ConnectionContext): string[] {
    return [`table:${new URL(request.url).searchParams.get('table')}`]
  }
  onConnect(connection: Connection<Seat>, { request }: ConnectionContext): void {
    const name = new URL(request.url).searchParams.get('name') ?? connection.id
    connection.setState({ name, since: new Date(0) })
    connection.send(JSON.stringify({ welcome: name, room: this.name, tags: connection.tags }))
    this.broadcast(`+${name}`, [connection.id])
  }
  onMessage(connection: Connection<Seat>, message: string | ArrayBuffer): void {
    if (typeof message !== 'string') return connection.send(message)
    const { name = '', since } = connection.state ?? {}
    if (message === '/bye') return connection.close(4000, 'see you')
    if (message === '/fail') throw new Error('as asked')
    if (message === '/who')
      return connection.send(
        [...this.getConnections<Seat>()]
          .map((one) => one.state?.name)
          .sort()
          .join(),
      )
    if (message.startsWith('/table '))
      for (const one of this.getConnections(`table:${message.slice(7)}`)) one.send(`${name} to the table`)
    else this.broadcast(`${name} (${since?.toISOString().slice(0, 4)}): ${message}`)
  }
  onClose(connection: Connection<Seat>, code: number, reason: string, wasClean: boolean): void {
    this.log.push([connection.state?.name, code, reason, wasClean].join())
    this.broadcast(`-${connection.state?.name}`)
  }
  onRequest(): Response {
    return Response.json(this.log)
  }
}
export class Lobby extends Party {
  static options = { hibernate: true }
}
export class Desk extends Party {}

/** A client within the Worker: it says its lines, each after an answer, and notes what it hears. */
async function visit(
  open: (path: string) => Promise<Response>,
  name: string,
): Promise<{
  heard: string[]
  say(line: string | Uint8Array, count?: number): Promise<void>
  left: Promise<string>
}> {
  const response = await open(`?name=${name}&_pk=${name}&table=${name.length}`)
  const socket = response.webSocket
  if (socket === null) throw new Error(`${name} was answered ${response.status}`)
  const heard: string[] = []
  let wake = (): void => {}
  socket.addEventListener('message', ({ data }) => {
    heard.push(typeof data === 'string' ? data : `bytes ${(data as ArrayBuffer).byteLength}`)
    wake()
  })
  const left = new Promise<string>((resolve) =>
    socket.addEventListener('close', ({ code, reason }) => resolve(`${code} ${reason}`)),
  )
  socket.binaryType = 'arraybuffer'
  socket.accept()
  const until = async (count: number): Promise<void> => {
    while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve))
  }
  await until(1)
  return {
    heard,
    left,
    async say(line, count = 1) {
      const before = heard.length
      socket.send(line)
      await until(before + count)
    },
  }
}

const app = new Hono<{ Bindings: Env }>()
app.get('/', (c) => c.text('parties'))
app.get(
  '/echo',
  upgradeWebSocket(() => ({ onMessage: ({ data }, ws) => ws.send(`echo ${data}`) })),
)
app.get('/evening/:party/:room', async (c) => {
  const { party, room } = c.req.param()
  const namespace = party === 'lobby' ? c.env.Lobby : c.env.Desk
  const server = await getServerByName(namespace as DurableObjectNamespace<Lobby>, room)
  const open = (query: string): Promise<Response> =>
    server.fetch(`http://party/parties/${party}/${room}${query}`, { headers: { Upgrade: 'websocket' } })
  const [ada, bob] = [await visit(open, 'ada'), await visit(open, 'bobby')]
  await ada.say('hello')
  await bob.say('/who')
  await bob.say('/table 5')
  await ada.say(Uint8Array.of(1, 2, 3))
  // Without hibernation, a handler that throws ends its connection.
  if (party === 'lobby') await ada.say('/fail', 0)
  await ada.say('still here')
  await bob.say('/bye', 0)
  const left = await bob.left
  while (!ada.heard.includes('-bobby')) await ada.say('?')
  return c.json({
    ada: ada.heard.filter((line) => !line.endsWith('?')),
    bob: bob.heard.filter((line) => !line.endsWith('?')),
    left,
  })
})
app.get('/echoed', async (c) => {
  const response = (await app.request('/echo', { headers: { Upgrade: 'websocket' } }, c.env)) as Response
  const socket = response.webSocket as WebSocket
  socket.accept()
  const heard = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)))
  socket.send('one')
  const answer = await heard
  socket.close(1000)
  return c.json({ status: response.status, answer })
})
app.all('*', async (c) => (await routePartykitRequest(c.req.raw, c.env)) ?? c.text('no party', 404))

export default app
