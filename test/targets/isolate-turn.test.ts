import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildLab, type HostLab, startHostLab } from './host-lab.ts'

/** Answers at once, in every form that an answer can have on its way out of the isolate. */
const APP = `
import { defineApp } from 'unmoor'
let waited = 0
const ANSWERS = {
  plain: (id) => new Response('plain ' + id),
  wide: (id) => new Response('π😀 ' + id, { headers: { 'x-id': id } }),
  latin: (id) => new Response('é ' + id),
  empty: () => new Response(''),
  none: () => new Response(null, { status: 204, headers: { 'x-a': '1' } }),
  reason: (id) => new Response(id, { status: 418, statusText: 'Tea pot' }),
  cookies: (id) => new Response(id, { headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2']] }),
  long: (id) => new Response('x'.repeat(20000) + id),
  bytes: (id) => new Response(new TextEncoder().encode('bytes ' + id)),
  logged: (id) => (console.log('logged ' + id), new Response(id)),
  waiting: (id, ctx) => (ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 5)).then(() => waited++)), new Response(id)),
  later: async (id) => (await 0, new Response('later ' + id)),
  timer: (id) => new Promise((resolve) => setTimeout(resolve, 20, new Response('timer ' + id))),
  error: () => Response.error(),
  thrown: (id) => { throw new Error('thrown ' + id) },
  waited: () => new Response(String(waited)),
  loop: () => { for (;;) {} },
}
export default defineApp({
  fetch(request, env, ctx) {
    const [, name, id] = new URL(request.url).pathname.split('/')
    return ANSWERS[name](id, ctx)
  },
})
`
const EXPECTED: Readonly<Record<string, (id: string) => [status: number, text: string]>> = {
  plain: (id) => [200, `plain ${id}`],
  wide: (id) => [200, `π😀 ${id}`],
  latin: (id) => [200, `é ${id}`],
  empty: () => [200, ''],
  none: () => [204, ''],
  reason: (id) => [418, id],
  cookies: (id) => [200, id],
  long: (id) => [200, 'x'.repeat(20_000) + id],
  bytes: (id) => [200, `bytes ${id}`],
  logged: (id) => [200, id],
  waiting: (id) => [200, id],
  later: (id) => [200, `later ${id}`],
  timer: (id) => [200, `timer ${id}`],
  error: () => [500, 'Internal Server Error'],
  thrown: () => [500, 'Internal Server Error'],
}
const NAMES = Object.keys(EXPECTED)

let dir: string
let lab: HostLab

beforeAll(async () => {
  dir = await buildLab(APP)
  lab = await startHostLab({
    processes: 1,
    admin: { port: 0 },
    limits: { cpuMs: 200 },
    apps: { one: { dir }, two: { dir }, three: { dir } },
  })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

async function isInline(app: string): Promise<boolean> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return (
    Number(new RegExp(`unmoor_inline_cpu_seconds_total\\{app="${app}"\\} (\\S+)`).exec(text)?.[1] ?? 0) > 0
  )
}

/** Sends all at once, so that many of them come in with one turn of the host's event loop. */
async function burst(count: number): Promise<void> {
  const sent = Array.from({ length: count }, (_, index) => {
    const name = NAMES[index % NAMES.length] as string
    return { app: index % 2 === 0 ? 'one' : 'two', name, id: `${name}-${index}` }
  })
  const answers = await Promise.all(
    sent.map(({ app, name, id }) => lab.send(app, { path: `/${name}/${id}` })),
  )
  expect(answers.map(({ status, text }) => [status, text])).toEqual(
    sent.map(({ name, id }) => EXPECTED[name]?.(id)),
  )
}

test('requests of one turn each get their own answer, in whatever form it is', async () => {
  // Measured times decide which way an entry takes: a busy machine needs more rounds until one went the
  // short way.
  for (let round = 0; round < 10 || !(await isInline('one')); round++) await burst(150)
  const { text } = await lab.send('one', { path: '/waited' })
  expect(Number(text)).toBeGreaterThan(0)
})

test('headers of an answer that comes at once are all there', async () => {
  const url = new URL(lab.host.url)
  const { request } = await import('node:http')
  const headers = await new Promise<NodeJS.Dict<string[] | string>>((resolve, reject) => {
    request(
      { host: url.hostname, port: url.port, path: '/cookies/1', headers: { host: 'one.localhost' } },
      (response) => resolve(response.resume().headers),
    )
      .once('error', reject)
      .end()
  })
  expect(headers).toMatchObject({
    'set-cookie': ['a=1', 'b=2'],
    'content-length': '1',
    'content-type': 'text/plain;charset=UTF-8',
  })
})

test('one of a turn that never ends takes only what its own isolate had under way along', async () => {
  for (let index = 0; index < 60; index++) await lab.send('three', { path: '/plain/1' })
  const sent = Array.from({ length: 30 }, (_, index) => ({
    app: index % 3 === 0 ? 'one' : 'three',
    path: index === 16 ? '/loop/16' : `/plain/${index}`,
  }))
  const answers = await Promise.all(sent.map(({ app, path }) => lab.send(app, { path })))
  for (const [index, { status, text }] of answers.entries()) {
    const { app } = sent[index] as (typeof sent)[number]
    if (index === 16) expect([status, text]).toEqual([503, expect.stringContaining('CPU time')])
    else if (app === 'one' || status === 200) expect([status, text]).toEqual([200, `plain ${index}`])
    else expect(status).toBe(503)
  }
  expect(await lab.send('three', { path: '/plain/again' })).toEqual({ status: 200, text: 'plain again' })
})
