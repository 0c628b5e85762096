import { request } from 'node:http'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const PAGES = {
  'public/index.html': 'home',
  'public/404.html': 'none at the top',
  'public/sub/404.html': 'none below',
  'public/sub/x.txt': 'x',
}
const PATHS = ['/none', '/none.txt', '/sub/none', '/sub/deep/none', '/sub/x.txt/y'] as const
const WORKER = { 'src/index.js': 'export default { fetch: () => new Response("from the Worker") }\n' }

const wrangler = (missing: string | undefined, more: object = {}): Record<string, unknown> => ({
  name: 'missing-fixture',
  compatibility_date: '2026-07-01',
  assets: { directory: './public', ...(missing === undefined ? {} : { not_found_handling: missing }) },
  ...more,
})

/** Returns status and text of the site's answer to each path. */
async function answers(site: Site, paths: readonly string[]): Promise<string[]> {
  return Promise.all(
    paths.map(async (path) => {
      const response = await site.fetch(path)
      return `${response.status} ${await response.text()}`
    }),
  )
}

/**
 * Fetches a path of the site as a browser navigation. It uses node:http, because `fetch` sets
 * `sec-fetch-mode` itself.
 */
async function navigate(site: Site, path: string): Promise<string> {
  const url = new URL(path, (await site.fetch('/')).url)
  return new Promise((fulfil, reject) => {
    request(url, { headers: { 'sec-fetch-mode': 'navigate' } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => fulfil(`${response.statusCode} ${text}`)).on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

const methods = (site: Site, paths: readonly string[]): Promise<number[]> =>
  Promise.all(paths.map(async (path) => (await site.fetch(path, { method: 'POST' })).status))

export const ASSETS_MISSING: ProjectCase[] = [
  ...projectCases({ wrangler: wrangler(undefined), files: PAGES }, [
    [
      '05',
      'assets without a Worker: a path that is no file is a 404 without a body',
      async (site) => {
        equal(await answers(site, ['/', ...PATHS]), ['200 home', ...PATHS.map(() => '404 ')])
        equal(await methods(site, ['/none', '/']), [404, 405])
      },
    ],
  ]),
  ...projectCases({ wrangler: wrangler('404-page'), files: PAGES }, [
    [
      '06',
      '404-page: the nearest 404.html, as a 404',
      async (site) => {
        equal(await answers(site, ['/', '/sub/x.txt', ...PATHS]), [
          '200 home',
          '200 x',
          '404 none at the top',
          '404 none at the top',
          '404 none below',
          '404 none below',
          '404 none below',
        ])
        equal(await navigate(site, '/sub/none'), '404 none below')
        equal(await methods(site, ['/none', '/']), [405, 405])
        const head = await site.fetch('/none', { method: 'HEAD' })
        equal([head.status, head.headers.get('content-type')?.split(';')[0]], [404, 'text/html'])
      },
    ],
  ]),
  ...projectCases({ wrangler: wrangler('single-page-application'), files: PAGES }, [
    [
      '07',
      'single-page-application: index.html for every path, whoever asks',
      async (site) => {
        equal(
          await answers(site, ['/', ...PATHS]),
          ['/', ...PATHS].map(() => '200 home'),
        )
        equal(await navigate(site, '/sub/none'), '200 home')
        equal(await methods(site, ['/none']), [405])
      },
    ],
  ]),
  ...projectCases(
    {
      wrangler: wrangler('single-page-application', { main: 'src/index.js' }),
      files: { ...PAGES, ...WORKER },
    },
    [
      [
        '08',
        'beside a Worker, index.html answers navigations alone',
        async (site) => {
          equal(
            [await navigate(site, '/sub/none'), ...(await answers(site, ['/none', '/sub/x.txt']))],
            ['200 home', '200 from the Worker', '200 x'],
          )
          equal(await methods(site, ['/none']), [200])
        },
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: wrangler('single-page-application', {
        main: 'src/index.js',
        compatibility_date: '2025-03-31',
      }),
      files: { ...PAGES, ...WORKER },
    },
    [
      [
        '09',
        'before 2025-04-01 navigations are the Worker’s',
        async (site) => equal(await navigate(site, '/none'), '200 from the Worker'),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: wrangler('404-page', {
        main: 'src/index.js',
        compatibility_date: '2025-03-31',
        compatibility_flags: ['assets_navigation_prefers_asset_serving'],
      }),
      files: { ...PAGES, ...WORKER },
    },
    [
      [
        '10',
        'beside a Worker, the 404 page answers navigations alone; a flag has it before its date',
        async (site) =>
          equal(
            [await navigate(site, '/sub/none'), ...(await answers(site, ['/sub/none']))],
            ['404 none below', '200 from the Worker'],
          ),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: wrangler('single-page-application', {
        main: 'src/index.js',
        compatibility_flags: ['assets_navigation_has_no_effect'],
      }),
      files: { ...PAGES, ...WORKER },
    },
    [
      [
        '11',
        'a flag turns that off',
        async (site) => equal(await navigate(site, '/none'), '200 from the Worker'),
      ],
    ],
  ),
]
