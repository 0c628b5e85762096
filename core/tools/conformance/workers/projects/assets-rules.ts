import { equal } from '../cases/tools.ts'
import { asks } from './answers.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

const PAGES = {
  'public/index.html': 'home',
  'public/about.html': 'about',
  'public/both.html': 'both, a file',
  'public/both/index.html': 'both, a folder',
  'public/dir/index.html': 'dir',
  'public/dir/page.html': 'a page',
  'public/plain.txt': 'plain',
  'public/a b.html': 'a blank',
  'public/404.html': 'missing',
}
const WORKER = {
  'src/index.js': `
export default {
  fetch(request, env) {
    const url = new URL(request.url)
    if (url.pathname === '/follow') return env.ASSETS.fetch(new URL('/old', url))
    if (!url.pathname.startsWith('/ask')) return new Response('the Worker')
    url.pathname = url.pathname.slice(4)
    return env.ASSETS.fetch(url, { redirect: 'manual' })
  },
}
`,
}

const wrangler = (assets: object, main?: string): Record<string, unknown> => ({
  name: 'rules-fixture',
  compatibility_date: '2026-07-01',
  ...(main === undefined ? {} : { main }),
  assets: { directory: './public', ...assets },
})

const REDIRECTS = `# a comment
/old /about 301
/temp /dir/
/ext https://example.com/x?y=1 302
/users/:id /dir/page?u=:id 303
/blog/* /dir/:splat 307
/two/:a/:b /:b/:a 308
/proxy /about 200
/proxied/* /dir/:splat 200
/about.html /plain.txt 302
/bad /x 999
/loop/* /index.html 200
/twice/:x/:x /x
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
  ! X-All
/users/:id
  X-User: :id
nonsense
`

export const ASSETS_RULES: ProjectCase[] = [
  ...projectCases({ wrangler: wrangler({ html_handling: 'drop-trailing-slash' }), files: PAGES }, [
    [
      '200',
      'html_handling drop-trailing-slash',
      asks({
        '/': 'home',
        '/index.html': '307 > /',
        '/about': 'about',
        '/about/': '307 > /about',
        '/about.html?q=1': '307 > /about?q=1',
        '/about/index.html': '307 > /about',
        '/both': 'both, a file',
        '/both/': '307 > /both',
        '/both/index.html': 'both, a folder',
        '/dir': 'dir',
        '/dir/': '307 > /dir',
        '/dir/index.html': '307 > /dir',
        '/dir/page': 'a page',
        '/plain.txt': 'plain',
        '/a%20b': 'a blank',
        '/a%20b.html': '307 > /a%20b',
        '/none': '404 ',
      }),
    ],
  ]),
  ...projectCases({ wrangler: wrangler({ html_handling: 'force-trailing-slash' }), files: PAGES }, [
    [
      '201',
      'html_handling force-trailing-slash',
      asks({
        '/': 'home',
        '/about': '307 > /about/',
        '/about/': 'about',
        '/about.html': '307 > /about/',
        '/both': '307 > /both/',
        '/both/': 'both, a folder',
        '/both.html': 'both, a file',
        '/dir': '307 > /dir/',
        '/dir/': 'dir',
        '/dir/index': '307 > /dir/',
        '/dir/page/': 'a page',
        '/plain.txt': 'plain',
        '/none/': '404 ',
      }),
    ],
  ]),
  ...projectCases(
    { wrangler: wrangler({ html_handling: 'none', not_found_handling: '404-page' }), files: PAGES },
    [
      [
        '202',
        'html_handling none: files alone, by their names',
        asks({
          '/': '404 missing',
          '/index.html': 'home',
          '/about': '404 missing',
          '/about.html': 'about',
          '/dir/': '404 missing',
          '/dir/index.html': 'dir',
          '/plain.txt': 'plain',
        }),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: wrangler(
        { binding: 'ASSETS', run_worker_first: ['/api/*', '!/api/docs/*', '/about', '/*.css'] },
        'src/index.js',
      ),
      files: { ...PAGES, ...WORKER, 'public/style.css': 'style', 'public/api/docs/x.txt': 'docs' },
    },
    [
      [
        '203',
        'run_worker_first: the Worker answers these paths, the assets the exceptions',
        asks({
          '/': 'home',
          '/about': 'the Worker',
          '/about/': '307 > /about',
          '/style.css': 'the Worker',
          '/api/x': 'the Worker',
          '/api/docs/x.txt': 'docs',
          '/api/docs/none': '404 ',
          '/dir/': 'dir',
          '/none': 'the Worker',
          '/ask/style.css': 'style',
        }),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: wrangler(
        {
          binding: 'ASSETS',
          run_worker_first: ['/api/*', '!/api/docs/*'],
          not_found_handling: 'single-page-application',
        },
        'src/index.js',
      ),
      files: { ...PAGES, ...WORKER },
    },
    [
      [
        '204',
        'run_worker_first with a single page: that answers what no pattern names',
        asks({ '/none': 'home', '/api/x': 'the Worker', '/api/docs/x': 'home', '/ask/none': 'home' }),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: wrangler({ binding: 'ASSETS', not_found_handling: '404-page' }, 'src/index.js'),
      files: { ...PAGES, ...WORKER, 'public/_redirects': REDIRECTS, 'public/_headers': HEADERS },
    },
    [
      [
        '205',
        '_redirects: paths, placeholders, splats and statuses',
        asks({
          '/old': '301 > /about',
          '/old?q=1': '301 > /about?q=1',
          '/temp': '302 > /dir/',
          '/ext?z=2': '302 > https://example.com/x?y=1',
          '/users/5': '303 > /dir/page?u=5',
          '/users/5/6': 'the Worker',
          '/blog/a/b': '307 > /dir/a/b',
          '/two/x/y': '308 > /y/x',
          '/proxy': 'about',
          '/proxied/page': 'a page',
          '/proxied/none': '404 missing',
          '/about.html': '302 > /plain.txt',
          '/bad': 'the Worker',
          '/missing': 'the Worker',
          '/ask/old': '301 > /about',
          '/_redirects': 'the Worker',
          '/ask/_headers': '404 missing',
        }),
      ],
      [
        '480',
        '_redirects: a rule that goes round in a circle, or names a placeholder twice, is none',
        asks({ '/loop/x': 'the Worker', '/twice/a/a': 'the Worker' }),
      ],
      [
        '481',
        'a request for an asset follows redirects, as a fetch does',
        asks({ '/follow': 'about', '/ask/old': '301 > /about' }),
      ],
      [
        '206',
        '_headers: of every rule that matches, joined, with what splats stand for',
        async (site) => {
          const names = ['x-about', 'x-all', 'x-join', 'x-splat', 'x-user'] as const
          const told: Record<string, string> = {}
          for (const path of ['/about', '/', '/dir/page', '/users/7', '/none']) {
            const { headers } = await site.fetch(path)
            told[path] = names
              .flatMap((name) => (headers.has(name) ? [`${name}=${headers.get(name)}`] : []))
              .join(' ')
          }
          equal(told, {
            '/about': 'x-about=yes x-all=everywhere x-join=one',
            '/': 'x-all=everywhere x-join=one',
            '/dir/page': 'x-join=one, two x-splat=got page',
            '/users/7': 'x-all=everywhere x-join=one x-user=7',
            '/none': '',
          })
          equal((await site.fetch('/about')).headers.get('cache-control'), 'no-store')
        },
      ],
    ],
  ),
]
