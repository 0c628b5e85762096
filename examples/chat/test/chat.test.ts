import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app.ts'
import type { FromPage, FromServer } from '../src/protocol.ts'

let t: TestApp<typeof app>
const pages: Page[] = []

beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.leave()))
})
afterAll(() => t?.stop())

type Of<Type extends FromServer['type']> = Extract<FromServer, { type: Type }>

/** What the page does, without the page. */
class Page {
  #socket: WebSocket
  #received: FromServer[] = []
  #closed: Promise<void>

  constructor(url: string) {
    this.#socket = new WebSocket(url)
    this.#socket.addEventListener('message', ({ data }) => {
      this.#received.push(JSON.parse(String(data)) as FromServer)
    })
    this.#closed = new Promise((resolve) => this.#socket.addEventListener('close', () => resolve()))
  }

  /** Resolves to the first message of a type that `fits`, which is taken out. */
  async next<Type extends FromServer['type']>(
    type: Type,
    fits: (message: Of<Type>) => boolean = () => true,
  ): Promise<Of<Type>> {
    const find = (): number =>
      this.#received.findIndex((message) => message.type === type && fits(message as Of<Type>))
    await vi.waitUntil(() => find() >= 0, { timeout: 30_000, interval: 20 })
    return this.#received.splice(find(), 1)[0] as Of<Type>
  }

  send(message: FromPage | Record<string, unknown> | string): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  say(text: string, id = newId()): string {
    this.send({ type: 'say', id, text })
    return id
  }

  async leave(): Promise<void> {
    this.#socket.close()
    await this.#closed
  }
}

const newId = (): string => crypto.randomUUID().replaceAll('-', '')

function login(body: unknown): Promise<Response> {
  return t.fetch('/api/login', { method: 'POST', body: JSON.stringify(body) })
}

async function ticketUrl(name: string, room: string): Promise<string> {
  const response = await login({ name, room })
  expect(response.status).toBe(200)
  return ((await response.json()) as { url: string }).url
}

/** Enters a room; resolves when the server has sent all that it sends at first. */
async function enter(name: string, room: string): Promise<{ page: Page; history: Of<'history'> }> {
  const page = new Page(await ticketUrl(name, room))
  pages.push(page)
  const history = await page.next('history')
  return { page, history }
}

describe('a room', () => {
  it('passes a message on to everybody in it, and to no other room', async () => {
    const [{ page: ann }, { page: bob }, { page: eve }] = [
      await enter('Ann', 'garden'),
      await enter('Bob', 'garden'),
      await enter('Eve', 'cellar'),
    ]
    const text = '<b>Hi</b> & 👋\nsecond line'
    const id = ann.say(text)
    const said = { type: 'said', message: { id, name: 'Ann', text, sentAt: expect.any(Number) } }
    expect([await ann.next('said'), await bob.next('said')]).toEqual([said, said])
    eve.say('alone')
    expect((await eve.next('said')).message.text).toBe('alone')
    const { rooms } = (await (await t.fetch('/api/rooms')).json()) as { rooms: string[] }
    expect(rooms).toEqual(['cellar', 'garden'])
  })

  it('tells who comes, who is there and who goes, and entries expire by themselves', async () => {
    const { page: ann } = await enter('Ann', 'hall')
    const { page: bob } = await enter('Bob', 'hall')
    const { people } = await bob.next('people')
    expect(people.map(({ name }) => name).toSorted()).toEqual(['Ann', 'Bob'])
    const { person } = await ann.next('joined', ({ person }) => person.name === 'Bob')
    const { keys } = await t.env.present.list({ prefix: 'hall/' })
    expect(keys).toHaveLength(2)
    for (const { expiration } of keys)
      expect((expiration as number) * 1000).toBeLessThanOrEqual(Date.now() + 121_000)
    await bob.leave()
    expect(await ann.next('left')).toEqual({ type: 'left', person })
    // An entry that was lost is made again by the next sign of life.
    await t.env.present.delete(keys[0]?.name as string)
    await t.env.present.delete(keys[1]?.name as string)
    ann.send({ type: 'here' })
    expect((await ann.next('people', ({ people }) => people.length === 1)).people[0]?.name).toBe('Ann')
  })

  it('has its last messages for whoever comes, and the earlier ones page by page', async () => {
    // 60 messages of 1,500 bytes: neither 50 of them nor all fit into one message of a socket.
    const insert = 'INSERT INTO messages (id, room, name, text, sent_at) VALUES (?, ?, ?, ?, ?)'
    const text = 'é'.repeat(750)
    const rows = Array.from({ length: 60 }, (_, index) => ({
      text: insert,
      params: [index.toString(16).padStart(32, '0'), 'archive', 'Ann', text, 1000 + Math.floor(index / 2)],
    }))
    await t.env.history.batch(rows)
    const { page: ann, history } = await enter('Ann', 'archive')
    let { messages, hasMore } = history
    let all = messages
    while (hasMore) {
      ann.send({ type: 'earlier', before: messages[0] as { id: string; sentAt: number } })
      ;({ messages, hasMore } = await ann.next('earlier'))
      expect(messages.length).toBeGreaterThan(0)
      all = [...messages, ...all]
    }
    expect(all.map(({ id }) => Number.parseInt(id, 16))).toEqual(rows.map((_, index) => index))
  })

  it('stores a message once that is sent again, and keeps the ids of others from whoever repeats them', async () => {
    const [{ page: ann }, { page: bob }] = [await enter('Ann', 'echo'), await enter('Bob', 'echo')]
    const id = ann.say('once')
    const first = await bob.next('said')
    ann.say('once', id)
    expect(await bob.next('said')).toEqual(first)
    bob.say('not by Ann', id)
    expect(await bob.next('refused')).toMatchObject({ id, reason: expect.stringContaining('id') })
    expect(await t.env.history.all('SELECT name, text FROM messages WHERE room = ?', ['echo'])).toEqual([
      { name: 'Ann', text: 'once' },
    ])
  })
})

describe('what is refused', () => {
  it('is told with its reason, and the socket stays open', async () => {
    const { page: ann } = await enter('Ann', 'rules')
    const id = ann.say('x'.repeat(1001))
    expect(await ann.next('refused')).toEqual({
      type: 'refused',
      id,
      reason: 'A message has at most 1000 characters; this one has 1001.',
    })
    for (const text of ['', ' \n', 'nul \0', 'half \ud800']) {
      const id = ann.say(text)
      expect(await ann.next('refused')).toMatchObject({ id })
    }
    for (const text of ['no json', 'null', '7', '{"type":"fly"}', '{"type":"say","id":"1","text":"x"}'])
      expect((ann.send(text), await ann.next('refused')).reason).toMatch(/^(A|The) .*\.$/)
    ann.send({ type: 'earlier', before: { id: newId(), sentAt: '1' } })
    expect((await ann.next('refused')).reason).toContain('sentAt')
    ann.say('y'.repeat(1000))
    expect((await ann.next('said')).message.text).toHaveLength(1000)
  })

  it('names and rooms that are none are refused by the login', async () => {
    for (const name of [undefined, '', ' Ann', 'Ann ', '<b>', 'a\nb', '\u202eAnn', 'x'.repeat(33), 7])
      expect([name, (await login({ name, room: 'lobby' })).status]).toEqual([name, 400])
    for (const room of [undefined, '', 'Lobby', 'a b', '-a', 'a/b', 'x'.repeat(33)])
      expect([room, (await login({ name: 'Ann', room })).status]).toEqual([room, 400])
    expect((await login(null)).status).toBe(400)
    for (const name of ['Ann', 'Zoë', '李雷', "Anne-Marie O'Neil", 'J. R. R.'])
      expect([name, (await login({ name, room: 'lobby' })).status]).toEqual([name, 200])
  })

  it('a socket without a ticket, or with one that was used, is refused', async () => {
    const url = await ticketUrl('Ann', 'gate')
    const used = new Page(url)
    pages.push(used)
    await used.next('history')
    await new Page(url).leave()
    const bare = new URL(url)
    bare.search = ''
    await new Page(bare.href).leave()
    expect((await t.fetch('/socket')).status).toBe(401)
    const { keys } = await t.env.present.list({ prefix: 'gate/' })
    expect(keys).toHaveLength(1)
  })
})

describe('the rest', () => {
  it('old messages and rooms without newer ones are deleted at night', async () => {
    const now = Date.UTC(2026, 5, 30, 3)
    const old = now - 31 * 86_400_000
    const message = 'INSERT INTO messages (id, room, name, text, sent_at) VALUES (?, ?, ?, ?, ?)'
    await t.env.history.batch([
      { text: message, params: ['old', 'attic', 'Ann', 'old', old] },
      { text: message, params: ['new', 'attic', 'Ann', 'new', now] },
      { text: 'INSERT INTO rooms (name, last_message_at) VALUES (?, ?)', params: ['ruin', old] },
    ])
    await t.crons.cleanup.run({ scheduledTime: now })
    expect(await t.env.history.all('SELECT id FROM messages WHERE room = ?', ['attic'])).toEqual([
      { id: 'new' },
    ])
    expect(await t.env.history.all('SELECT name FROM rooms WHERE name = ?', ['ruin'])).toEqual([])
  })

  it('the page and its scripts are served', async () => {
    const page = await t.fetch('/')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).toContain('<title>Chat</title>')
    for (const path of ['/page.js', '/connection.js', '/messages.js', '/people.js'])
      expect((await t.fetch(path)).headers.get('content-type')).toContain('javascript')
  })
})
