import { equal } from '../cases/tools.ts'
import { answers, asks, headersOf } from './answers.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

const WRANGLER = {
  name: 'pages-fixture',
  compatibility_date: '2026-07-01',
  pages_build_output_dir: './dist',
  vars: { WORD: 'hello' },
}
const PAGES = {
  'dist/index.html': 'home',
  'dist/about.html': 'about',
  'dist/both.html': 'both, a file',
  'dist/both/index.html': 'both, a folder',
  'dist/dir/index.html': 'dir',
  'dist/dir/page.html': 'a page',
  'dist/a b.html': 'a blank',
  'dist/plain': 'no extension',
  'dist/same.css': 'body {}',
  'dist/same.css.html': 'page of a style',
  'dist/script.js': 'console.log(1)',
}
const WORKER = `
export default {
  async fetch(request, env) {
    const url = new URL(request.url)
    if (url.pathname === '/api/env')
      return Response.json([env.WORD, env.CF_PAGES, typeof env.CF_PAGES_URL, typeof env.ASSETS.fetch])
    if (url.pathname === '/api/follow') return env.ASSETS.fetch(new URL('/about.html', url))
    if (url.pathname === '/api/manual')
      return env.ASSETS.fetch(new URL('/about.html', url), { redirect: 'manual' })
    if (url.pathname === '/api/post') return env.ASSETS.fetch(new URL('/about', url), { method: 'POST' })
    if (url.pathname === '/api/none') return env.ASSETS.fetch(new URL('/none', url))
    return new Response('the code')
  },
}
`
const ROUTES = {
  version: 1,
  include: ['/api/*', '/exact', '/folder/', '/pre*', '/*.md', '/a+b'],
  exclude: ['/api/static/*', '/api/none.txt'],
}
const REDIRECTS = `# a comment
/old /about 301
/temp /dir/
/ext https://example.com/x?y=1 302
/users/:id /dir/page?u=:id 303
/blog/* /dir/:splat 307
/two/:a/:b /:b/:a 308
/proxy /about 200
/proxied/* /dir/:splat 200
/twice/:x/:x /x
/away/* /:splat 302
word /about 301
/about.html /plain 302
/bad /x 999
/loop/* /index.html 200
/missing
`
const HEADERS = `/about
  X-About: yes
  Cache-Control: no-store
/*
  X-All: everywhere
  X-Join: one
/dir/*
  X-Join: two
  X-Splat: got :splat
  ! Access-Control-Allow-Origin
https://127.0.0.1/both
  X-Host: this
https://other.example/*
  X-Host: other
/x/*/y/*
  X-Stars: two
nonsense
`

export const PAGES_CASES: ProjectCase[] = [
  ...projectCases(
    {
      wrangler: WRANGLER,
      files: {
        ...PAGES,
        'dist/404.html': 'missing',
        'dist/dir/404.html': 'missing in dir',
        'dist/_worker.js': WORKER,
        'dist/_routes.json': JSON.stringify(ROUTES, null, 2),
        'dist/_redirects': REDIRECTS,
        'dist/_headers': HEADERS,
        'dist/functions/hello.js': 'export const onRequest = () => new Response("a function")\n',
        'dist/node_modules/x/index.js': 'x',
        'functions/api/hello.js': 'export const onRequest = () => new Response("a function")\n',
      },
    },
    [
      [
        '400',
        'Pages: _routes.json says which requests the code of _worker.js answers',
        asks({
          '/api/x': 'the code',
          '/api': 'the code',
          '/api/static/x': '404 missing',
          '/api/static': '404 missing',
          '/api/none.txt': '404 missing',
          '/exact': 'the code',
          '/exact/': 'the code',
          '/exact/x': '404 missing',
          '/folder': 'the code',
          '/prefix/any': 'the code',
          '/deep/notes.md': 'the code',
          '/deep/notesXmd': '404 missing',
          '/': 'home',
          '/apix': '404 missing',
        }),
      ],
      [
        '401',
        'Pages: a page is served by its name without .html, and every other form leads there',
        asks({
          '/about': 'about',
          '/about/': '308 > /about',
          '/index.html': '308 > /',
          '/index': '308 > /',
          '/index/?q=1': '308 > /?q=1',
          '/both': 'both, a file',
          '/both/': 'both, a folder',
          '/both.html': '308 > /both',
          '/both/index.html': '308 > /both/',
          '/dir': '308 > /dir/',
          '/dir?q=1': '308 > /dir/?q=1',
          '/dir/': 'dir',
          '/dir/page.html?q=1': '308 > /dir/page?q=1',
          '/a%20b': 'a blank',
          '/a%20b.html': '308 > /a%20b',
          '/plain': 'no extension',
          '/same.css': 'body {}',
          '/same.css.html': 'page of a style',
          '//about': 'about',
          '/dir//page': 'a page',
          '/%2e%2e/about': 'about',
          '/x%2F..%2Fabout': 'about',
        }),
      ],
      [
        '402',
        'Pages: the nearest 404.html answers what is not there',
        asks({
          '/none': '404 missing',
          '/dir/none': '404 missing in dir',
          '/dir/deep/none': '404 missing in dir',
          '/none/deep/': '404 missing',
        }),
      ],
      [
        '403',
        'Pages: _redirects go first, with placeholders, splats and statuses',
        async (site) => {
          const paths = {
            '/old': '301 > /about',
            '/old?q=1': '301 > /about?q=1',
            '/temp': '302 > /dir/',
            '/ext?z=2': '302 > https://example.com/x?y=1',
            '/users/5': '303 > /dir/page?u=5',
            '/blog/a/b': '307 > /dir/a/b',
            '/two/x/y': '308 > /y/x',
            '/proxy': '200 about',
            '/proxied/page': '200 a page',
            '/proxied/none': '404 missing in dir',
            '/word': '301 > /about',
            '/away//evil.example': '302 > /evil.example',
            '/twice/a/a': '404 missing',
            '/about.html': '302 > /plain',
            '/bad': '404 missing',
            '/loop/x': '404 missing',
            '/missing': '404 missing',
          }
          const told = await answers(site, Object.keys(paths))
          for (const [path, answer] of Object.entries(told)) {
            // The body of a redirect of the Pages site is not compared.
            const short = /^30\d/.test(answer) || /^\d{3} /.test(answer) ? answer : `200 ${answer}`
            equal(short, paths[path as keyof typeof paths], path)
          }
        },
      ],
      [
        '404',
        'Pages: every answer of the assets has the headers of Pages, and those of _headers',
        async (site) => {
          const names = [
            'access-control-allow-origin',
            'referrer-policy',
            'x-content-type-options',
            'cache-control',
            'x-about',
            'x-all',
            'x-join',
            'x-splat',
            'x-host',
            'x-stars',
          ]
          const common = { 'referrer-policy': 'strict-origin-when-cross-origin', 'x-all': 'everywhere' }
          const sniff = { 'x-content-type-options': 'nosniff' }
          const open = { 'access-control-allow-origin': '*' }
          const fresh = { 'cache-control': 'public, max-age=0, must-revalidate' }
          const expected: Record<string, Record<string, string>> = {
            '/about': { ...open, ...common, ...sniff, 'cache-control': 'no-store', 'x-about': 'yes' },
            '/both': { ...open, ...common, ...sniff, ...fresh, 'x-host': 'this' },
            '/dir/page': { ...common, ...sniff, ...fresh, 'x-splat': 'got page' },
            '/none': { ...open, ...common, ...sniff, 'cache-control': 'no-store' },
            '/index.html': { ...open, ...common },
            '/x/1/y/2': { ...open, ...common, ...sniff, 'cache-control': 'no-store' },
          }
          for (const [path, headers] of Object.entries(expected)) {
            const join = path.startsWith('/dir/') ? 'one, two' : 'one'
            const told = await headersOf(site, path, names)
            equal(told, { ...headers, 'x-join': join }, path)
          }
          equal(await headersOf(site, '/api/x', names), {}, 'an answer of the code has none of them')
        },
      ],
      [
        '405',
        'Pages: an asset is known by its etag, and has a content type',
        async (site) => {
          const { etag = '', ...types } = await headersOf(site, '/about', ['etag', 'content-type'])
          equal(types, { 'content-type': 'text/html; charset=utf-8' })
          const again = await site.fetch('/about', { headers: { 'if-none-match': etag } })
          equal([again.status, await again.text()], [304, ''])
          const style = await headersOf(site, '/same.css', ['content-type'])
          equal(style, { 'content-type': 'text/css; charset=utf-8' })
          const head = await site.fetch('/about', { method: 'HEAD' })
          equal([head.status, await head.text(), head.headers.get('etag')], [200, '', etag])
        },
      ],
      [
        '406',
        'Pages: assets take no other methods, but redirects do',
        async (site) => {
          const told: [number, string][] = []
          for (const path of ['/about', '/none', '/', '/old']) {
            const response = await site.fetch(path, { method: 'POST', body: 'x' })
            told.push([response.status, response.headers.get('location') ?? (await response.text())])
          }
          equal(told, [
            [405, ''],
            [405, ''],
            [405, ''],
            [301, '/about'],
          ])
        },
      ],
      [
        '407',
        'Pages: env has the assets, the variables of the file and those of Pages',
        async (site) => {
          equal(JSON.parse(await site.text('/api/env')), ['hello', '1', 'string', 'function'])
          equal(await answers(site, ['/api/manual', '/api/post', '/api/none']), {
            '/api/manual': '302 > /plain',
            '/api/post': '405 ',
            '/api/none': '404 missing',
          })
        },
      ],
      [
        '408',
        'Pages: a request of the code follows the redirects of the assets, as a fetch does',
        async (site) => equal(await site.text('/api/follow'), 'no extension'),
      ],
      [
        '409',
        'Pages: the code, the rules and what else a deploy leaves out are no assets',
        asks({
          '/_worker.js': '404 missing',
          '/_headers': '404 missing',
          '/_redirects': '404 missing',
          '/_routes.json': '404 missing',
          '/functions/hello.js': '404 missing',
          '/functions/hello': '404 missing',
          '/node_modules/x/index.js': '404 missing',
        }),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: WRANGLER,
      files: {
        'dist/index.html': 'home',
        'dist/_worker.js/index.js': `
import { word } from './chunks/word.js'
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/late') return new Response((await import('./chunks/late.mjs')).late)
    if (pathname === '/word') return new Response(word)
    return env.ASSETS.fetch(request)
  },
}
`,
        'dist/_worker.js/chunks/word.js': 'export const word = "a chunk"\n',
        'dist/_worker.js/chunks/late.mjs': 'export const late = "later"\n',
      },
    },
    [
      [
        '420',
        'Pages: _worker.js is a folder of modules; without _routes.json it answers everything',
        asks({ '/word': 'a chunk', '/late': 'later', '/': 'home', '/any/path': 'home' }),
      ],
      [
        '421',
        'Pages: no module of that folder is served',
        asks({ '/_worker.js/index.js': 'home', '/_worker.js/chunks/word.js': 'home' }),
      ],
    ],
  ),
  ...projectCases({ wrangler: WRANGLER, files: PAGES }, [
    [
      '430',
      'Pages: a site without code; without a 404.html its first page answers every path',
      asks({
        '/': 'home',
        '/about': 'about',
        '/none': 'home',
        '/deep/none': 'home',
        '/dir/none.js': 'home',
        '/about.html': '308 > /about',
      }),
    ],
  ]),
  ...projectCases({ wrangler: WRANGLER, files: { 'dist/about.html': 'about' } }, [
    [
      '431',
      'Pages: a site with neither page has plain 404 answers',
      async (site) => {
        equal(await answers(site, ['/', '/none', '/about']), {
          '/': '404 ',
          '/none': '404 ',
          '/about': 'about',
        })
        equal(await headersOf(site, '/none', ['cache-control']), { 'cache-control': 'no-store' })
      },
    ],
  ]),
]
