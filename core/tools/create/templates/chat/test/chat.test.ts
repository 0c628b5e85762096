import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app'

let t: TestApp<typeof app>
const members: Client[] = []

// Builds the app and starts it on the target that `unmoor test --target` names.
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(async () => {
  for (const { socket } of members) socket.close()
  await t?.stop()
})

/** What the page does, without the page. */
class Client {
  readonly socket: WebSocket
  #received: unknown[] = []
  #waiting: ((message: unknown) => void)[] = []

  constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.addEventListener('message', ({ data }) => {
      const message: unknown = JSON.parse(String(data))
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#received.push(message)
      else waiting(message)
    })
  }

  /** Resolves to the next message of the server. */
  next(): Promise<unknown> {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift())
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

const join = (body: unknown): Promise<Response> =>
  t.fetch('/join', { method: 'POST', body: JSON.stringify(body) })

async function enter(name: string, room: string): Promise<Client> {
  const { url } = (await (await join({ name, room })).json()) as { url: string }
  const client = new Client(url)
  members.push(client)
  return client
}

const said = (name: string, text: string): object => ({
  id: expect.any(String),
  name,
  text,
  sentAt: expect.any(Number),
})

test('a message reaches everybody in its room, and is there for whoever comes later', async () => {
  const [ann, bob] = [await enter('Ann', 'garden'), await enter('Bob', 'garden')]
  expect([await ann.next(), await bob.next()]).toEqual([
    { type: 'history', messages: [] },
    { type: 'history', messages: [] },
  ])
  ann.socket.send('Hello')
  const hello = { type: 'said', message: said('Ann', 'Hello') }
  expect([await ann.next(), await bob.next()]).toEqual([hello, hello])
  const eve = await enter('Eve', 'garden')
  expect(await eve.next()).toEqual({ type: 'history', messages: [said('Ann', 'Hello')] })
  const zoe = await enter('Zoe', 'cellar')
  expect(await zoe.next()).toEqual({ type: 'history', messages: [] })
})

test('what is no message, no name or no ticket is refused', async () => {
  const ann = await enter('Ann', 'rules')
  await ann.next()
  ann.socket.send(' ')
  expect(await ann.next()).toMatchObject({ type: 'refused' })
  expect((await join({ name: '<b>', room: 'lobby' })).status).toBe(400)
  expect((await join({ name: 'Ann' })).status).toBe(400)
  expect((await t.fetch('/socket')).status).toBe(401)
})

test('old messages are deleted at night', async () => {
  const now = Date.now()
  await t.env.history.run('INSERT INTO messages (id, room, name, text, sent_at) VALUES (?, ?, ?, ?, ?)', [
    'old',
    'attic',
    'Ann',
    'old',
    now - 31 * 86_400_000,
  ])
  await t.crons.cleanup.run({ scheduledTime: now })
  expect(await t.env.history.all('SELECT id FROM messages WHERE room = ?', ['attic'])).toEqual([])
})

test('the page is served', async () => {
  expect(await (await t.fetch('/')).text()).toContain('<form id="join">')
  expect((await t.fetch('/page.js')).headers.get('content-type')).toContain('javascript')
})
