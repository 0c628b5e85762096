/** Who may ask the server of the page of `unmoor dev`, and what it answers. */
import { globSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DevPage } from '../../core/tools/dev/dev-page.ts'
import { checkout } from './temp-project.ts'

let page: DevPage
let token: string
let port: number

beforeAll(async () => {
  page = await DevPage.open(0, 'http://127.0.0.1:1')
  const url = new URL(page.url)
  token = url.hash.slice(1)
  port = Number(url.port)
})

afterAll(() => page.close())

interface Answer {
  status: number | undefined
  headers: Record<string, unknown>
  body: string
}

/** Sends a request with exactly these headers, as a program other than a browser could. */
function send(
  headers: Record<string, string>,
  { path = '/__unmoor/api', method = 'POST', body = '{"op":"status"}' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, (incoming) => {
      void text(incoming).then((body) =>
        resolve({ status: incoming.statusCode, headers: incoming.headers, body }),
      )
    })
      .on('error', reject)
      .end(method === 'POST' ? body : undefined)
  })
}

const withToken = (headers: Record<string, string> = {}): Record<string, string> => ({
  host: `127.0.0.1:${port}`,
  authorization: `Bearer ${token}`,
  ...headers,
})

it.each(['127.0.0.1:PORT', 'localhost:PORT', '[::1]:PORT', 'localhost:9999', 'LOCALHOST'])(
  'the page of unmoor dev answers to the host %s with its token',
  async (host) => {
    const { status, body } = await send(withToken({ host: host.replace('PORT', String(port)) }))
    expect(JSON.parse(body)).toMatchObject({ value: { state: 'loading', app: null } })
    expect(status).toBe(200)
  },
)

it.each([
  'evil.example',
  'evil.example:80',
  '127.0.0.1.evil.example',
  'localhost.evil.example:8787',
  '127.0.0.1@evil.example',
  '0.0.0.0',
  '192.168.1.2',
  'a b',
])('the page of unmoor dev refuses the forged host "%s", with the token too, and says why', async (host) => {
  for (const path of ['/__unmoor/api', '/__unmoor', '/__unmoor/main.js']) {
    const { status, body } = await send(withToken({ host }), {
      path,
      method: path.endsWith('api') ? 'POST' : 'GET',
    })
    expect(status).toBe(403)
    expect(body).toMatch(
      /answers to 127\.0\.0\.1, localhost and \[::1\].*Open the URL that unmoor dev printed/,
    )
  }
})

it.each([
  [{ origin: 'https://evil.example' }],
  [{ origin: 'null' }],
  [{ origin: 'http://127.0.0.1:8787' }],
  [{ origin: 'http://localhost:PORT' }],
  [{ 'sec-fetch-site': 'cross-site' }],
  [{ 'sec-fetch-site': 'same-site' }],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
])('the page of unmoor dev refuses a request of another origin (%o), with the token too', async (given) => {
  const headers = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, value.replace('PORT', String(port))]),
  )
  const { status, body, headers: answered } = await send(withToken(headers))
  expect(status).toBe(403)
  expect(body).toMatch(/another (origin|site).*Open the URL that unmoor dev printed/)
  expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([])
})

it('the page of unmoor dev answers no preflight of another origin', async () => {
  const { status, headers } = await send(
    {
      host: `127.0.0.1:${port}`,
      origin: 'http://localhost:3000',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    },
    { method: 'OPTIONS' },
  )
  expect(status).toBe(403)
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
})

it('the page of unmoor dev answers a request of its own origin', async () => {
  const own = {
    origin: `http://127.0.0.1:${port}`,
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
  }
  expect((await send(withToken(own))).status).toBe(200)
})

it('a link from another site opens the page of unmoor dev, which has neither data nor token; a frame does not', async () => {
  const visit = { host: `127.0.0.1:${port}`, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
  const whole = await send({ ...visit, 'sec-fetch-dest': 'document' }, { path: '/__unmoor', method: 'GET' })
  expect(whole.status).toBe(200)
  expect(whole.body).not.toContain(token)
  expect(whole.headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
  const frame = await send({ ...visit, 'sec-fetch-dest': 'iframe' }, { path: '/__unmoor', method: 'GET' })
  expect(frame.status).toBe(403)
})

it.each([
  [{}, /needs its token.*with what follows #/],
  [{ authorization: 'Bearer wrong' }, /makes a new one at each start/],
  [{ authorization: 'Basic dTpw' }, /makes a new one at each start/],
  [{ authorization: 'Bearer ' }, /makes a new one at each start/],
])(
  'the page of unmoor dev refuses the API without its token (%o), and says what to open',
  async (given, why) => {
    for (const [path, method] of [
      ['/__unmoor/api', 'POST'],
      ['/__unmoor/blob?binding=a&key=b', 'GET'],
    ] as const) {
      const { status, body } = await send({ host: `127.0.0.1:${port}`, ...given }, { path, method })
      expect(status).toBe(401)
      const { error } = JSON.parse(body) as { error: { code: string; message: string } }
      expect(error.code).toBe('PermissionDenied')
      expect(error.message).toMatch(why)
    }
  },
)

it.each([
  '/__unmoor/../package.json',
  '/__unmoor/%2e%2e/package.json',
  '/__unmoor/page-server.js',
  '/__unmoor/kv.d.ts',
])('the page of unmoor dev serves its own files only, not %s', async (path) => {
  expect((await send(withToken(), { path, method: 'GET' })).status).toBe(404)
})

it.each([
  ['', 'takes JSON'],
  ['null', 'no operation undefined'],
  ['{"op":"constructor"}', 'no operation \\"constructor\\"'],
  ['{"op":"kv.get","binding":"a","key":1}', 'is a text, not 1'],
  ['{"op":"log.read","after":-1}', 'is a whole number'],
])('the page of unmoor dev says what is wrong with the request %s', async (body, why) => {
  const running = await DevPage.open(0, 'http://127.0.0.1:1')
  running.running.failed('The build failed.', false)
  const url = new URL(running.url)
  const answer = await fetch(`${url.origin}/__unmoor/api`, {
    method: 'POST',
    headers: { authorization: `Bearer ${url.hash.slice(1)}` },
    body,
  })
  await running.close()
  expect(answer.status).toBe(422)
  expect(await answer.text()).toContain(why)
})

it('an operation on an app that does not run is told the error of its build', async () => {
  const { running } = page
  running.failed('src/app.ts:1:1 is wrong.', false)
  const { status, body } = await send(withToken(), { body: '{"op":"cron.list"}' })
  expect(status).toBe(422)
  expect(JSON.parse(body)).toEqual({
    error: {
      code: 'Unavailable',
      message:
        'The app is not running: src/app.ts:1:1 is wrong.\nMend it and save; unmoor dev builds it again.',
    },
  })
})

it('a taken port of the page of unmoor dev is named, with the option that changes it', async () => {
  await expect(DevPage.open(port, 'http://127.0.0.1:1')).rejects.toThrow(
    new RegExp(`cannot listen on port ${port}.*--page.*--no-page`),
  )
})

it('the files of the page of unmoor dev have at most 60 KB together', () => {
  const files = [
    ...globSync('dist/core/tools/dev/page/*.js', { cwd: checkout }),
    ...globSync('core/tools/dev/assets/*', { cwd: checkout }),
  ]
  expect(files.length).toBeGreaterThan(10)
  const bytes = files.reduce((sum, file) => sum + statSync(join(checkout, file)).size, 0)
  expect(bytes).toBeLessThanOrEqual(60 * 1024)
})
