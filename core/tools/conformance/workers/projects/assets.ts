import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const WRANGLER = { name: 'assets-fixture', compatibility_date: '2026-07-01' }

/** Server code of a Worker inside the assets folder, as Astro and SvelteKit write it. */
const SERVER = {
  'dist/_worker.js/index.js': 'export default { fetch: () => new Response("from the Worker") }\n',
  'dist/_worker.js/chunks/secret.mjs': 'export const secret = 1\n',
  'dist/index.html': '<p>home</p>',
  'dist/app.js': 'app',
  'dist/app.js.map': 'map',
  'dist/keep.js.map': 'kept',
  'dist/Drafts/one.html': 'draft',
  'dist/posts/Drafts/two.html': 'draft',
  'dist/notes/a.txt': 'a',
  'dist/notes/deep/b.txt': 'b',
}

const statuses = async (site: Site, paths: readonly string[]): Promise<Record<string, number>> =>
  Object.fromEntries(await Promise.all(paths.map(async (path) => [path, (await site.fetch(path)).status])))

export const ASSETS: ProjectCase[] = [
  ...projectCases(
    {
      wrangler: {
        ...WRANGLER,
        main: './dist/_worker.js/index.js',
        assets: { directory: './dist', binding: 'ASSETS' },
      },
      files: {
        ...SERVER,
        'dist/.assetsignore':
          '\uFEFF# server code\r\n_worker.js\n_routes.json\n*.map  \n!/keep.js.map\n' +
          'drafts/\n/notes/*\n!notes/a.txt\n',
        'dist/_routes.json': '{}',
      },
    },
    [
      [
        '01',
        'what .assetsignore names is no asset: the Worker answers',
        async (site) => {
          for (const path of [
            '/_worker.js/index.js',
            '/_worker.js/chunks/secret.mjs',
            '/_routes.json',
            '/app.js.map',
            '/Drafts/one',
            '/posts/Drafts/two.html',
            '/notes/deep/b.txt',
            '/.assetsignore',
          ])
            equal(await site.text(path), 'from the Worker', path)
        },
      ],
      [
        '02',
        'the rest is, and what a later line takes in again',
        async (site) => {
          equal(
            [await site.text('/'), await site.text('/app.js'), await site.text('/keep.js.map')],
            ['<p>home</p>', 'app', 'kept'],
          )
          equal(await site.text('/notes/a.txt'), 'a')
        },
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: { ...WRANGLER, main: './dist/_worker.js/index.js', assets: { directory: './dist' } },
      files: SERVER,
    },
    [
      [
        '03',
        'server code in the assets is refused where no .assetsignore says what it is',
        (site) => ok(site.failure?.includes('_worker.js') === true, site.failure ?? 'it started'),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: { ...WRANGLER, main: './dist/_worker.js/index.js', assets: { directory: './dist' } },
      files: { ...SERVER, 'dist/.assetsignore': '' },
    },
    [
      [
        '04',
        'an empty .assetsignore says that it is an asset',
        async (site) =>
          equal(await statuses(site, ['/_worker.js/index.js', '/app.js.map']), {
            '/_worker.js/index.js': 200,
            '/app.js.map': 200,
          }),
      ],
    ],
  ),
]
