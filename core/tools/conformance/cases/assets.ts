import { equal, ok } from '../assert.ts'
import { insideCases, wireCases, type WireTools } from '../case.ts'
import { FILES } from '../fixture/project.ts'

/**
 * Fetches without the suite's token: the fixture app answers 404 to such requests, so any other answer comes
 * from the static assets.
 */
function plain({ url }: WireTools, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(path, url), { redirect: 'manual', ...init })
}

export const assetWireCases = wireCases('assets', [
  {
    id: 'assets-01',
    contract:
      'A file is served with its content type, an etag and a Cache-Control that asks to revalidate, ' +
      'without calling the app.',
    async run(tools) {
      const types = {
        '/style.css': 'text/css',
        '/data.json': 'application/json',
        '/bytes.bin': 'application/octet-stream',
      }
      for (const [path, type] of Object.entries(types)) {
        const response = await plain(tools, path)
        const { headers } = response
        equal(
          [response.status, headers.get('content-type')?.split(';')[0], headers.get('cache-control')],
          [200, type, 'public, max-age=0, must-revalidate'],
          path,
        )
        ok(/^(W\/)?".+"$/.test(headers.get('etag') ?? ''), `etag ${headers.get('etag')}`)
        await response.body?.cancel()
      }
    },
  },
  {
    id: 'assets-02',
    contract: 'Files come byte for byte, text and binary, whatever the query.',
    async run(tools) {
      for (const [path, file] of [
        ['/style.css', 'public/style.css'],
        ['/data.json?x=1', 'public/data.json'],
        ['/bytes.bin', 'public/bytes.bin'],
      ] as const) {
        const content = FILES[file] as string | Uint8Array
        equal(
          await (await plain(tools, path)).arrayBuffer(),
          typeof content === 'string' ? new TextEncoder().encode(content) : content,
          path,
        )
      }
    },
  },
  {
    id: 'assets-03',
    contract: 'If-None-Match with the etag gets a 304 without a body; another etag gets the file.',
    async run(tools) {
      const etag = (await plain(tools, '/style.css')).headers.get('etag') ?? ''
      const same = await tools.raw({ path: '/style.css', headers: [['If-None-Match', etag]] })
      equal([same.status, same.body.length], [304, 0], 'same etag')
      equal(
        (await plain(tools, '/style.css', { headers: { 'if-none-match': '"other"' } })).status,
        200,
        'other etag',
      )
    },
  },
  {
    id: 'assets-04',
    contract: 'HEAD has the headers of GET and no body.',
    async run(tools) {
      const get = await plain(tools, '/style.css')
      const head = await tools.raw({ method: 'HEAD', path: '/style.css' })
      const found = new Headers(head.headers)
      equal(
        [head.status, head.body.length, found.get('etag'), found.get('content-type')],
        [200, 0, get.headers.get('etag'), get.headers.get('content-type')],
        'head',
      )
    },
  },
  {
    id: 'assets-05',
    contract: 'about.html is at /about, and /about.html leads there.',
    async run(tools) {
      const page = await plain(tools, '/about')
      equal(
        [page.status, page.headers.get('content-type')?.split(';')[0], await page.text()],
        [200, 'text/html', FILES['public/about.html']],
        '/about',
      )
      const redirect = await plain(tools, '/about.html')
      equal(
        [redirect.status, new URL(redirect.headers.get('location') ?? '', tools.url).pathname],
        [307, '/about'],
        '/about.html',
      )
    },
  },
  {
    id: 'assets-06',
    contract:
      "A folder's index.html is at the path with a slash; the path without it and the file's own lead there.",
    async run(tools) {
      const page = await plain(tools, '/assets-home/')
      equal([page.status, await page.text()], [200, FILES['public/assets-home/index.html']], '/assets-home/')
      for (const path of ['/assets-home', '/assets-home/index.html', '/assets-home/index']) {
        const redirect = await plain(tools, path)
        equal(
          [redirect.status, new URL(redirect.headers.get('location') ?? '', tools.url).pathname],
          [307, '/assets-home/'],
          path,
        )
      }
    },
  },
  {
    id: 'assets-07',
    contract: 'A file whose name has a space and a non-ASCII letter is at its encoded path.',
    async run(tools) {
      const response = await plain(tools, '/with%20space%20%C3%A9.txt')
      equal([response.status, await response.text()], [200, 'named oddly\n'], 'answer')
    },
  },
  {
    id: 'assets-08',
    contract:
      "Paths that are no file reach the app, with any method; a file's path answers 405 to other " +
      'methods than GET and HEAD, as on Cloudflare.',
    async run(tools) {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const refused = await tools.fetch('/style.css', { method, body: 'x' })
        equal(refused.status, 405, `${method} of a file`)
        await refused.body?.cancel()
      }
      for (const [path, init] of [
        ['/no-such-file.css', { method: 'POST', body: 'x' }],
        ['/no-such-file.css', {}],
        ['/style.css/', {}],
        ['/', {}],
      ] as const) {
        const response = await tools.fetch(path, init)
        equal(
          [response.status, new URL(((await response.json()) as { url: string }).url).pathname],
          [200, path],
          path,
        )
      }
    },
  },
  {
    id: 'assets-09',
    contract: 'No path leads out of the folder of assets.',
    async run(tools) {
      for (const path of [
        '/../add.wasm',
        '/..%2fadd.wasm',
        '/%2e%2e/add.wasm',
        '/..%5cadd.wasm',
        '/assets-home/../../migrations/0001_tables.sql',
        '/....//add.wasm',
        '//etc/passwd',
        '/%00',
        '/assets-home/%2e%2e%2f%2e%2e%2fapp.ts',
      ]) {
        const response = await tools.raw({ path, headers: [['X-Without-Token', '1']] })
        const text = new TextDecoder().decode(response.body)
        ok(
          !text.includes('CREATE TABLE') &&
            !text.includes('\0asm') &&
            !text.includes('root:') &&
            !/create\w*Fixture/.test(text),
          `${path} gave ${text.slice(0, 60)}`,
        )
      }
    },
  },
])

export const assetCases = insideCases('assets', [
  {
    id: 'assets-11',
    contract: 'The binding serves the same files, by path, URL and Request; 404 where there is none.',
    async run({ env }) {
      for (const input of [
        '/style.css',
        'http://any.example/style.css',
        new URL('http://any.example/style.css?x'),
        new Request('http://any.example/style.css'),
      ]) {
        const response = await env.assets.fetch(input)
        equal(
          [response.status, response.headers.get('content-type')?.split(';')[0], await response.text()],
          [200, 'text/css', FILES['public/style.css']],
          'answer',
        )
      }
      const missing = await env.assets.fetch('/no-such-file.css')
      equal(missing.status, 404, 'status of a missing file')
      await missing.body?.cancel()
    },
  },
  {
    id: 'assets-12',
    contract:
      'The binding answers 405 to other methods than GET and HEAD, 304 to a matching If-None-Match and ' +
      '307 to a path that is not the canonical one.',
    async run({ env }) {
      equal((await env.assets.fetch('/style.css', { method: 'POST', body: 'x' })).status, 405, 'POST')
      const first = await env.assets.fetch('/style.css')
      await first.body?.cancel()
      equal(
        (
          await env.assets.fetch('/style.css', {
            headers: { 'if-none-match': first.headers.get('etag') ?? '' },
          })
        ).status,
        304,
        'If-None-Match',
      )
      equal((await env.assets.fetch('/about.html', { redirect: 'manual' })).status, 307, '/about.html')
      equal(await (await env.assets.fetch('/style.css', { method: 'HEAD' })).text(), '', 'HEAD')
    },
  },
])
