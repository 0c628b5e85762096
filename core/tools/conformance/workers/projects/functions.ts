import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { answers, asks } from './answers.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

const WRANGLER = {
  name: 'functions-fixture',
  compatibility_date: '2026-07-01',
  pages_build_output_dir: './public',
  vars: { WORD: 'hello' },
  kv_namespaces: [{ binding: 'STORE', id: 'store' }],
}

const TELL = `
export const tell = (name, { params, functionPath, data }) =>
  Response.json({ name, params, functionPath, data })
`
const FUNCTIONS = {
  'lib/tell.js': TELL,
  'functions/_middleware.ts': `
import { late } from '../lib/late'
export const onRequest: PagesFunction[] = [
  async (context) => {
    context.data.steps = ['first']
    try {
      const response = await context.next()
      response.headers.append('x-steps', String(context.data.steps))
      return response
    } catch (error) {
      if (new URL(context.request.url).pathname.startsWith('/open')) throw error
      return new Response('caught ' + (error as Error).message, { status: 500 })
    }
  },
  async ({ data, next }) => {
    ;(data.steps as string[]).push(late)
    return next()
  },
]
`,
  'lib/late.ts': 'export const late: string = "second"\n',
  'functions/index.js': `
export const onRequestPost = async ({ request }) => new Response('posted ' + (await request.text()))
`,
  'functions/api/_middleware.js': `
export async function onRequest({ request, next, data, env }) {
  const url = new URL(request.url)
  if (url.searchParams.has('deny')) return new Response('denied', { status: 403 })
  if (url.searchParams.has('to')) return next('/api/' + url.searchParams.get('to'))
  if (url.searchParams.has('with')) return next(request.url, { method: 'POST', body: 'another body' })
  data.steps.push('api ' + env.WORD)
  return next()
}
`,
  'functions/api/[user]/index.ts': `
import { tell } from '../../../lib/tell'
export const onRequestGet: PagesFunction = (context) => tell('user', context)
export const onRequestPut: PagesFunction = () => new Response(null, { status: 204 })
`,
  'functions/api/[user]/posts/[post].js': `
import { tell } from '../../../../lib/tell.js'
export const onRequest = (context) => tell('post', context)
`,
  'functions/api/[[rest]].js': `
import { tell } from '../../lib/tell.js'
export const onRequest = (context) => tell('rest', context)
`,
  'functions/api/me.js': 'export const onRequest = ({ request }) => new Response(request.method + " me")\n',
  'functions/api/where.js':
    'export const onRequest = ({ request }) => new Response(new URL(request.url).pathname)\n',
  'functions/echo.js':
    'export const onRequestPost = async ({ request }) => new Response(await request.text())\n',
  'functions/kv.js': `
export async function onRequest({ env, waitUntil }) {
  const kept = env.STORE.put('key', 'kept')
  waitUntil(kept)
  await kept
  return new Response(await env.STORE.get('key'))
}
`,
  'functions/asset.js': `
export const onRequest = async ({ request, env }) => {
  const response = await env.ASSETS.fetch(new URL('/about', request.url))
  return new Response('<' + (await response.text()) + '>', response)
}
`,
  'functions/data.js': `
export const onRequest = [
  (context) => { context.data = { own: 1 }; return context.next() },
  (context) => Response.json(context.data),
]
`,
  'functions/wrong-data.js': 'export const onRequest = (context) => { context.data = 1 }\n',
  'functions/nothing.js': 'export const onRequest = () => undefined\n',
  'functions/open/closed.js': 'export const onRequest = () => { throw new Error("closed") }\n',
  'functions/open/about.js': `
export const onRequest = (context) => { context.passThroughOnException(); throw new Error('open') }
`,
  'functions/page.tsx': `
/** @jsx h */
const h = (name: string, _: null, ...inner: string[]) => '<' + name + '>' + inner.join('') + '</' + name + '>'
import text from '../lib/text.txt'
export const onRequest = () => new Response((<b>{text.trim()}</b>) as unknown as string)
`,
  'lib/text.txt': 'from a file\n',
  'functions/helper.js': 'export const helper = 1\n',
}
const SITE = {
  'public/index.html': 'home',
  'public/about.html': 'about',
  'public/open/about.html': 'the asset behind',
  'public/404.html': 'missing',
}

export const FUNCTIONS_CASES: ProjectCase[] = [
  ...projectCases({ wrangler: WRANGLER, files: { ...FUNCTIONS, ...SITE } }, [
    [
      '440',
      'functions: the most specific route answers, with its parameters',
      async (site) => {
        const told: Record<string, unknown> = {}
        for (const path of [
          '/api/ann',
          '/api/ann/',
          '/api/ann/posts/5',
          '/api/ann/x/y',
          '/api',
          '/api/a%20b',
        ])
          told[path] = JSON.parse(await site.text(path))
        const data = { steps: ['first', 'second', 'api hello'] }
        equal(told, {
          '/api/ann': { name: 'user', params: { user: 'ann' }, functionPath: '/api/ann', data },
          '/api/ann/': { name: 'user', params: { user: 'ann' }, functionPath: '/api/ann/', data },
          '/api/ann/posts/5': {
            name: 'post',
            params: { user: 'ann', post: '5' },
            functionPath: '/api/ann/posts/5',
            data,
          },
          '/api/ann/x/y': {
            name: 'rest',
            params: { rest: ['ann', 'x', 'y'] },
            functionPath: '/api/ann/x/y',
            data,
          },
          '/api': { name: 'rest', params: {}, functionPath: '/api', data },
          '/api/a%20b': { name: 'user', params: { user: 'a%20b' }, functionPath: '/api/a%20b', data },
        })
      },
    ],
    [
      '441',
      'functions: a handler is chosen by the method, and what has none is an asset',
      async (site) => {
        const ask = async (method: string, path: string): Promise<string> => {
          const body = method === 'POST' ? 'body' : null
          const response = await site.fetch(path, { method, body })
          return `${response.status} ${await response.text()}`
        }
        equal(
          [
            await ask('POST', '/'),
            await ask('GET', '/'),
            await ask('GET', '/api/me'),
            await ask('DELETE', '/api/me'),
            await ask('PUT', '/api/ann'),
            await ask('POST', '/echo'),
            await ask('GET', '/echo'),
          ],
          ['200 posted body', '200 home', '200 GET me', '200 DELETE me', '204 ', '200 body', '404 missing'],
        )
      },
    ],
    [
      '442',
      'functions: middlewares run around what follows, from the root on, assets too',
      async (site) => {
        const steps = async (path: string): Promise<string> => {
          const response = await site.fetch(path)
          await response.text()
          return `${response.status} ${response.headers.get('x-steps')}`
        }
        equal(
          [await steps('/about'), await steps('/api/me'), await steps('/none'), await steps('/about.html')],
          ['200 first,second', '200 first,second,api hello', '404 first,second', '308 first,second'],
        )
      },
    ],
    [
      '443',
      'functions: next() takes another path, another request, or is not called at all',
      asks({
        '/api/me?deny': '403 denied',
        '/api/where?to=ann': '/api/ann',
        '/api/me?with': 'POST me',
      }),
    ],
    [
      '444',
      'functions: env has bindings and assets, waitUntil works unbound',
      asks({ '/kv': 'kept', '/asset': '<about>' }),
    ],
    [
      '445',
      'functions: data can be replaced by an object, and by nothing else',
      asks({
        '/data': '{"own":1}',
        '/wrong-data': '500 caught context.data must be an object',
        '/nothing': '500 caught Your Pages function should return a Response',
      }),
    ],
    [
      '446',
      'functions: passThroughOnException leaves a failed request to the assets',
      async (site) => {
        equal(await answers(site, ['/open/about']), { '/open/about': 'the asset behind' })
        equal((await site.fetch('/open/closed')).status, 500)
      },
    ],
    [
      '447',
      'functions: TypeScript, JSX and text files are compiled; a module without handlers is no route',
      asks({ '/page': '<b>from a file</b>', '/helper': '404 missing', '/_middleware': '404 missing' }),
    ],
    [
      '448',
      'functions: doubled slashes pass the middlewares all the same',
      asks({ '//api/me?deny': '403 denied' }),
    ],
  ]),
  ...projectCases(
    {
      wrangler: WRANGLER,
      files: {
        ...SITE,
        'public/_routes.json': '{ "version": 1, "include": ["/api/*"], "exclude": ["/api/out"] }',
        'functions/_middleware.js': 'export const onRequest = () => new Response("a function")\n',
        'public/api/out.html': 'an asset',
      },
    },
    [
      [
        '450',
        'functions: _routes.json keeps requests from them',
        asks({ '/': 'home', '/api/x': 'a function', '/api/out': 'an asset' }),
      ],
    ],
  ),
  ...projectCases(
    { wrangler: WRANGLER, files: { ...SITE, 'functions/only.js': 'export const other = 1\n' } },
    [
      [
        '451',
        'functions: without a handler the files alone are served',
        asks({ '/': 'home', '/only': '404 missing' }),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: WRANGLER,
      files: { ...SITE, 'functions/[a-b].js': 'export const onRequest = () => new Response("x")\n' },
    },
    [
      [
        '452',
        'functions: a parameter that is no name is refused',
        (site, target) => {
          // Wrangler's dev server does not report why the build of Pages Functions failed.
          const reason = target === 'cloudflare' ? 'Failed to build Functions' : '[a-b]'
          ok(site.failure?.includes(reason) === true, site.failure ?? 'it started')
        },
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: WRANGLER,
      files: {
        ...SITE,
        'functions/x.js': 'import "./gone.js"\nexport const onRequest = () => new Response("x")\n',
      },
    },
    [
      [
        '453',
        'functions: what does not compile is refused, with its place',
        (site) => ok(site.failure?.includes('gone.js') === true, site.failure ?? 'it started'),
      ],
    ],
  ),
]
