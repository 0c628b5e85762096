import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { join } from 'node:path'
import { type Answerer, answererOf, assetAnswererOf } from '../../core/tools/vite/routing.ts'
import { tempProject, type TempProject } from './temp-project.ts'

let project: TempProject
beforeAll(async () => {
  project = await tempProject({
    'index.html': '',
    'about.html': '',
    'docs/index.html': '',
    'web/main.ts': '',
    'login.tsx': '',
    'public/a b.txt': '',
    '.unmoor/data/db.sqlite': '',
  })
})
afterAll(() => project[Symbol.asyncDispose]())

const ask = (
  url: string,
  method = 'GET',
  mode?: string,
  isSinglePage: boolean | undefined = true,
): Answerer =>
  answererOf(
    { url, method, headers: mode === undefined ? {} : { 'sec-fetch-mode': mode } },
    { root: project.dir, publicDir: join(project.dir, 'public'), isSinglePage },
  )

describe('who answers a request under Vite', () => {
  test.each<[Answerer, string, string?, string?]>([
    ['vite', '/web/main.ts'],
    ['vite', '/web/main.ts?t=1'],
    ['vite', '/a%20b.txt'],
    ['vite', '/@vite/client'],
    ['vite', '/@fs/x/y.ts'],
    ['vite', '/node_modules/.vite/deps/react.js'],
    ['vite', '/about.html?html-proxy&index=0.js'],
    ['vite', '/web/main.ts', 'OPTIONS'],
    [{ page: '/index.html' }, '/'],
    [{ page: '/about.html' }, '/about'],
    [{ page: '/docs/index.html' }, '/docs/'],
    [{ redirect: '/docs/' }, '/docs'],
    [{ redirect: '/about' }, '/about.html'],
    [{ page: '/index.html' }, '/login', 'GET', 'navigate'],
    [{ page: '/index.html' }, '/@alice', 'GET', 'navigate'],
    ['app', '/login'],
    ['app', '/api/todos'],
    ['app', '/', 'POST'],
    ['app', '/web/main.ts', 'POST'],
    ['app', '/api/todos', 'OPTIONS'],
    ['app', '/about', 'OPTIONS'],
    ['app', '//evil.test/x'],
    ['app', '/%'],
    ['app', '/api?url=x'],
    ['vite-or-app', '/api?url'],
    ['vite-or-app', '/@alice'],
    ['vite-or-app', '/__inspect/', 'GET', 'navigate'],
    ['vite-or-app', '/manifest.webmanifest'],
    ['forbidden', '/.unmoor/data/db.sqlite'],
    ['forbidden', '/%2Eunmoor/data/db.sqlite'],
    ['forbidden', '/@fs/home/me/app/.unmoor/data/db.sqlite?raw'],
    ['forbidden', '/.unmoor'],
  ])('%j answers %s %s %s', (answerer, url, method, mode) => {
    expect(ask(url, method, mode)).toEqual(answerer)
  })

  test('a page load without a file waits for the first build, and is the app’s without a single page', () => {
    const places = { root: project.dir, publicDir: '', isSinglePage: undefined }
    const navigation = { url: '/settings', method: 'GET', headers: { 'sec-fetch-mode': 'navigate' } }
    expect(answererOf(navigation, places)).toBe('unknown')
    expect(answererOf(navigation, { ...places, isSinglePage: false })).toBe('app')
    expect(answererOf(navigation, { ...places, root: join(project.dir, 'web'), isSinglePage: true })).toBe(
      'app',
    )
  })

  test('the assets binding never asks the app', () => {
    const places = { root: project.dir, publicDir: '', isSinglePage: false }
    expect(assetAnswererOf({ url: '/' }, places)).toEqual({ page: '/index.html' })
    expect(assetAnswererOf({ url: '/none' }, places)).toBe('vite')
    expect(assetAnswererOf({ url: '/none' }, { ...places, isSinglePage: true })).toEqual({
      page: '/index.html',
    })
    expect(assetAnswererOf({ url: '/.unmoor/data/db.sqlite' }, places)).toBe('forbidden')
  })
})
