import { equal } from '../cases/tools.ts'
import { asks, headersOf } from './answers.ts'
import { type ProjectCase, projectCases, type WorkerFixture } from './project-case.ts'

const HANDLER = '@cloudflare/kv-asset-handler'
const WRANGLER = {
  name: 'sites-fixture',
  compatibility_date: '2026-07-01',
  main: 'src/index.js',
  site: { bucket: './public', exclude: ['*.map', 'drafts'] },
}
const FILES = {
  'public/index.html': 'home',
  'public/about/index.html': 'about',
  'public/page.html': 'a page',
  'public/style.css': 'body {}',
  'public/a b.txt': 'a blank',
  'public/plain': 'no extension',
  'public/style.css.map': 'a map',
  'public/drafts/one.html': 'a draft',
}
const FAILED = `
  if (error.status === 405) return new Response(error.message, { status: 405 })
  return new Response('not there', { status: 404 })
`
const MODULE = `
import { getAssetFromKV, serveSinglePageApp } from '${HANDLER}'
import manifestJSON from '__STATIC_CONTENT_MANIFEST'
const manifest = JSON.parse(manifestJSON)
const content = async (env, ...args) => {
  try { return await env.__STATIC_CONTENT.get(...args) } catch (error) { return error.message }
}
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/api/keys') {
      const { keys, list_complete: complete } = await env.__STATIC_CONTENT.list()
      const names = keys.map(({ name }) => name)
      const all = Object.values(manifest).every((name) => names.includes(name))
      return Response.json([all, names.some((name) => name.endsWith('.map')), complete])
    }
    if (pathname === '/api/manifest') return Response.json(Object.keys(manifest).sort())
    if (pathname === '/api/get') {
      const key = manifest['style.css']
      const bytes = await content(env, key, 'arrayBuffer')
      const stream = await new Response(await content(env, key, { type: 'stream' })).text()
      const { value, metadata } = await env.__STATIC_CONTENT.getWithMetadata(key)
      return Response.json([bytes.byteLength, stream, value, metadata, await content(env, 'none')])
    }
    const options = { ASSET_NAMESPACE: env.__STATIC_CONTENT, ASSET_MANIFEST: manifest }
    if (pathname.startsWith('/app/')) options.mapRequestToAsset = serveSinglePageApp
    if (pathname === '/page.html') options.cacheControl = { browserTTL: 60, bypassCache: true }
    try {
      return await getAssetFromKV({ request, waitUntil: (promise) => ctx.waitUntil(promise) }, options)
    } catch (error) {
      ${FAILED}
    }
  },
}
`
const SCRIPT = `
import { getAssetFromKV } from '${HANDLER}'
addEventListener('fetch', (event) => event.respondWith(answer(event)))
async function answer(event) {
  try {
    return await getAssetFromKV(event)
  } catch (error) {
    ${FAILED}
  }
}
`

const PATHS = {
  '/': 'home',
  '/about': 'about',
  '/about/': 'about',
  '/page.html': 'a page',
  '/style.css': 'body {}',
  '/a%20b.txt': 'a blank',
  '/page': '404 not there',
  '/style.css.map': '404 not there',
  '/drafts/one.html': '404 not there',
  '/../src/index.js': '404 not there',
}

/** Bytes of an empty WebAssembly module, as characters. */
const WASM = '\0asm\u0001\0\0\0'

const BLOBS: WorkerFixture = {
  wrangler: {
    name: 'blobs-fixture',
    compatibility_date: '2026-07-01',
    main: 'src/index.js',
    wasm_modules: { MODULE: './blobs/empty.wasm' },
    text_blobs: { TEXT: './blobs/text.md' },
    data_blobs: { DATA: './blobs/data.xyz' },
  },
  files: {
    'src/index.js': `
const top = TEXT.length
addEventListener('fetch', (event) => event.respondWith(answer()))
async function answer() {
  const instance = await WebAssembly.instantiate(MODULE, {})
  return Response.json({
    text: TEXT,
    top,
    data: [DATA instanceof ArrayBuffer, new TextDecoder().decode(DATA)],
    wasm: [MODULE instanceof WebAssembly.Module, instance instanceof WebAssembly.Instance],
  })
}
`,
    'blobs/empty.wasm': WASM,
    'blobs/text.md': '# text\n',
    'blobs/data.xyz': 'data',
  },
}

export const SITES: ProjectCase[] = [
  ...projectCases({ wrangler: WRANGLER, files: { ...FILES, 'src/index.js': MODULE }, packages: [HANDLER] }, [
    [
      '460',
      'Workers Sites: kv-asset-handler serves the files of the bucket',
      asks({ ...PATHS, '/app/any': 'home' }),
    ],
    [
      '461',
      'Workers Sites: the manifest names every file that is not excluded, and the namespace has their keys',
      asks({
        '/api/manifest': JSON.stringify([
          'a b.txt',
          'about/index.html',
          'index.html',
          'page.html',
          'plain',
          'style.css',
        ]),
        '/api/keys': '[true,false,true]',
      }),
    ],
    [
      '462',
      'Workers Sites: __STATIC_CONTENT is a namespace that is read as any other',
      asks({
        '/api/get': '[7,"body {}","body {}",null,null]',
      }),
    ],
    [
      '463',
      'Workers Sites: content types, browser caching and methods are those of kv-asset-handler',
      async (site) => {
        equal(await headersOf(site, '/style.css', ['content-type', 'cache-control']), {
          'content-type': 'text/css; charset=utf-8',
        })
        equal(await headersOf(site, '/page.html', ['content-type', 'cache-control']), {
          'content-type': 'text/html; charset=utf-8',
          'cache-control': 'max-age=60',
        })
        equal((await site.fetch('/style.css', { method: 'POST' })).status, 405)
        const again = await site.fetch('/style.css')
        equal([again.status, await again.text()], [200, 'body {}'], 'the second time, from the cache')
      },
    ],
  ]),
  ...projectCases(
    {
      wrangler: { ...WRANGLER, site: { bucket: './public', include: ['*.html', '*.css'], exclude: [] } },
      files: { ...FILES, 'src/index.js': SCRIPT },
      packages: [HANDLER],
    },
    [
      [
        '464',
        'Workers Sites: a Service Worker has namespace and manifest as globals; include names what is served',
        asks({
          '/': 'home',
          '/about': 'about',
          '/style.css': 'body {}',
          '/a%20b.txt': '404 not there',
        }),
      ],
    ],
  ),
  ...projectCases(BLOBS, [
    [
      '470',
      'wasm_modules, text_blobs and data_blobs are globals of a Service Worker',
      asks({
        '/': JSON.stringify({ text: '# text\n', top: 7, data: [true, 'data'], wasm: [true, true] }),
      }),
    ],
  ]),
  ...projectCases(
    {
      wrangler: { ...WRANGLER, site: { bucket: './public' } },
      files: {
        'public/index.html': 'home',
        'public/.hidden': 'hidden',
        'public/node_modules/x.txt': 'x',
        'src/index.js': MODULE,
      },
      packages: [HANDLER],
    },
    [
      [
        '465',
        'Workers Sites: packages in the bucket, and what begins with a dot, are none of the files',
        asks({
          '/': 'home',
          '/.hidden': '404 not there',
          '/node_modules/x.txt': '404 not there',
          '/api/manifest': '["index.html"]',
        }),
      ],
    ],
  ),
]
