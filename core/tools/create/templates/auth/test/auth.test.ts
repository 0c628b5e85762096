import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app'

const URL = 'http://127.0.0.1:8787'
let t: TestApp<typeof app>

// Builds the app, applies its migrations and starts it on the target that `unmoor test --target` names.
beforeAll(async () => {
  t = await startApp<typeof app>({
    variables: { AUTH_SECRET: 'a secret of tests, which signs nothing else', AUTH_URL: URL },
  })
}, 120_000)
afterAll(() => t?.stop())

const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  t.fetch(`/api/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: URL, ...headers },
    body: JSON.stringify(body),
  })
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada' }
const cookieOf = (response: Response): string => response.headers.get('set-cookie')?.split(';')[0] ?? ''

test('an account is made, and its session lets in until it signs out', async () => {
  expect((await t.fetch('/me')).status).toBe(401)
  const signedUp = await post('/sign-up/email', ada)
  expect(signedUp.status).toBe(200)
  const headers = { cookie: cookieOf(signedUp) }
  expect(await (await t.fetch('/me', { headers })).json()).toEqual({ name: 'Ada', email: ada.email })
  expect((await post('/sign-out', {}, headers)).status).toBe(200)
  expect((await t.fetch('/me', { headers })).status).toBe(401)
})

test('a wrong password and a page of another origin are refused', async () => {
  expect((await post('/sign-in/email', { ...ada, password: 'not the right one' })).status).toBe(401)
  const foreign = { origin: 'https://evil.example', cookie: 'a=b' }
  expect((await post('/sign-in/email', ada, foreign)).status).toBe(403)
})
