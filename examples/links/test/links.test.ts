import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app.ts'

const TOKEN = 'test-token'
let t: TestApp<typeof app>

beforeAll(async () => {
  t = await startApp<typeof app>({ variables: { ADMIN_TOKEN: TOKEN, RETENTION_DAYS: '30' } })
}, 120_000)

afterAll(() => t?.stop())

function api(path: string, init: RequestInit = {}): Promise<Response> {
  return t.fetch(`/api${path}`, {
    ...init,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...init.headers },
  })
}

function create(slug: string, url = 'https://example.org/page'): Promise<Response> {
  return api('/links', { method: 'POST', body: JSON.stringify({ url, slug }) })
}

describe('links', () => {
  it('asks for the admin token', async () => {
    const response = await t.fetch('/api/links', { headers: { authorization: 'Bearer wrong' } })
    expect(response.status).toBe(401)
  })

  it('creates a link and sends visitors on', async () => {
    expect((await create('docs')).status).toBe(201)
    const visit = await t.fetch('/docs', { redirect: 'manual' })
    expect([visit.status, visit.headers.get('location')]).toEqual([302, 'https://example.org/page'])
    expect(await t.env.links.get('docs')).toBe('https://example.org/page')
  })

  it('gives a slug only once, also to many at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => create('race', `https://example.org/${index}`)),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      201, 409, 409, 409, 409, 409, 409, 409,
    ])
  })

  it('refuses what is no address or slug', async () => {
    expect((await create('ok-slug', 'javascript:alert(1)')).status).toBe(400)
    expect((await create('a/b')).status).toBe(400)
    expect((await api('/links', { method: 'POST', body: 'not json' })).status).toBe(400)
    expect((await t.fetch('/nothing-here')).status).toBe(404)
  })

  it('counts clicks through the queue', async () => {
    await create('counted')
    for (let visit = 0; visit < 5; visit++)
      await t.fetch('/counted', { redirect: 'manual', headers: { referer: 'https://news.example/today' } })
    await t.queues.clicks.drained()
    const statistics = await (await api('/stats/counted')).json()
    expect(statistics).toMatchObject({ total: 5, referrers: [{ referrer: 'news.example', clicks: 5 }] })
  })

  it('keeps an icon and answers 304 while it is the same', async () => {
    await create('pictured')
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index)
    const saved = await api('/links/pictured/icon', {
      method: 'PUT',
      body: bytes,
      headers: { 'content-type': 'image/png' },
    })
    expect(saved.status).toBe(201)
    const icon = await t.fetch('/icons/pictured')
    expect(icon.headers.get('content-type')).toBe('image/png')
    expect(new Uint8Array(await icon.arrayBuffer())).toEqual(bytes)
    const again = await t.fetch('/icons/pictured', {
      headers: { 'if-none-match': icon.headers.get('etag') ?? '' },
    })
    expect(again.status).toBe(304)
    expect(
      (
        await api('/links/pictured/icon', {
          method: 'PUT',
          body: '<svg/>',
          headers: { 'content-type': 'image/svg+xml' },
        })
      ).status,
    ).toBe(415)
  })

  it('removes old clicks at night', async () => {
    const now = Date.UTC(2026, 5, 30, 3)
    await t.env.stats.batch([
      {
        text: 'INSERT INTO clicks (id, slug, day, referrer) VALUES (?, ?, ?, ?)',
        params: ['old', 'night', '2026-05-30', ''],
      },
      {
        text: 'INSERT INTO clicks (id, slug, day, referrer) VALUES (?, ?, ?, ?)',
        params: ['new', 'night', '2026-05-31', ''],
      },
    ])
    await t.crons.cleanup.run({ scheduledTime: now })
    expect(await t.env.stats.all('SELECT id FROM clicks WHERE slug = ?', ['night'])).toEqual([{ id: 'new' }])
  })

  it('deletes a link with all that belongs to it', async () => {
    await create('gone')
    expect((await api('/links/gone', { method: 'DELETE' })).status).toBe(204)
    expect(await t.env.stats.all('SELECT slug FROM links WHERE slug = ?', ['gone'])).toEqual([])
    expect((await api('/links/gone', { method: 'DELETE' })).status).toBe(404)
  })

  it('serves its page', async () => {
    const page = await t.fetch('/')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).toContain('<title>Links</title>')
    expect((await t.fetch('/chart.js')).headers.get('content-type')).toContain('javascript')
  })
})
