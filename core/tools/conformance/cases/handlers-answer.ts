import { equal, ok, pattern, sha256 } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'

/** Fails unless the answer to a path is a plain 500 that reveals nothing of the app's error. */
async function failed({ raw }: WireTools, path: string, host?: string): Promise<void> {
  const answer = await raw({ path, ...(host === undefined ? {} : { host }) })
  const body = new TextDecoder().decode(answer.body)
  equal([answer.status, body], [500, 'Internal Server Error'], path)
  ok(new Headers(answer.headers).get('content-type')?.startsWith('text/plain'), `content-type of ${path}`)
  ok(!JSON.stringify(answer.headers).includes('secret detail'), `headers of ${path}`)
}

function failureCase(
  id: string,
  contract: string,
  ...paths: string[]
): Parameters<typeof wireCases>[1][number] {
  return {
    id,
    contract,
    async run(tools) {
      for (const path of paths) await failed(tools, path)
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  }
}

export const answerCases = wireCases('handlers', [
  {
    id: 'handlers-40',
    contract: 'Without the token nothing of the fixture answers: every path is a 404.',
    async run(tools) {
      for (const path of ['/', '/do/status/200', '/__conformance/kv-01', '/.unmoor/channel']) {
        const answer = await fetch(new URL(path, tools.url), {
          method: 'POST',
          body: '{}',
          headers: { authorization: 'Bearer wrong', 'x-conformance-token': 'wrong' },
        })
        equal(answer.status, 404, path)
        ok(!(await answer.text()).includes('status 200'), path)
      }
    },
  },
  {
    id: 'handlers-41',
    contract: 'Statuses from 200 to 599 come as the handler set them, with their bodies.',
    async run(tools) {
      for (const status of [
        200, 201, 202, 203, 207, 300, 400, 401, 403, 404, 405, 409, 410, 418, 422, 429, 451, 499, 500, 502,
        503, 504, 599,
      ]) {
        const answer = await tools.fetch(`/do/status/${status}`)
        equal([answer.status, await answer.text()], [status, `status ${status}`], 'answer')
      }
    },
  },
  {
    id: 'handlers-42',
    contract: '204 and 304 end at once, without a body and without a length other than 0.',
    async run(tools) {
      for (const status of [204, 304]) {
        const answer = await tools.raw({ path: `/do/status/${status}` })
        const headers = new Headers(answer.headers)
        equal(
          [answer.status, answer.body.length, headers.get('transfer-encoding'), headers.get('x-status')],
          [status, 0, null, String(status)],
          'answer',
        )
        ok(
          [null, '0'].includes(headers.get('content-length')),
          `content-length ${headers.get('content-length')}`,
        )
      }
    },
  },
  {
    id: 'handlers-43',
    contract: '205 has an empty body.',
    async run(tools) {
      const answer = await tools.raw({ path: '/do/status/205' })
      equal([answer.status, answer.body.length, answer.complete], [205, 0, true], 'answer')
    },
  },
  {
    id: 'handlers-44',
    contract: 'HEAD of a route with a large or streamed body ends at once.',
    async run(tools) {
      for (const path of ['/do/bytes/1000000', '/do/chunks/1000000', '/do/status/404']) {
        const answer = await tools.raw({ method: 'HEAD', path })
        equal([answer.status, answer.body.length], [path.endsWith('404') ? 404 : 200, 0], path)
      }
    },
  },
  {
    id: 'handlers-45',
    contract: 'Redirects come as they are, with absolute and relative locations.',
    async run(tools) {
      for (const status of [301, 302, 303, 307, 308]) {
        const answer = await tools.fetch(`/do/redirect?status=${status}&to=/elsewhere%3Fa=1`)
        equal(
          [answer.status, answer.headers.get('location')],
          [status, new URL('/elsewhere?a=1', tools.url).href],
          'absolute',
        )
      }
      const answer = await tools.fetch('/do/relative')
      equal([answer.status, answer.headers.get('location')], [303, '../elsewhere?x=1#y'], 'relative')
    },
  },
  {
    id: 'handlers-46',
    contract: 'Several Set-Cookie headers come one by one, commas and all.',
    async run(tools) {
      const answer = await tools.raw({ path: '/do/cookies' })
      const cookies = answer.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)
      equal(
        cookies,
        [
          'a=1; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
          'b=2; HttpOnly; SameSite=Lax',
          'c="three, four"',
        ],
        'cookies',
      )
    },
  },
  {
    id: 'handlers-47',
    contract: 'A header that the handler appended twice has both values.',
    async run(tools) {
      const answer = await tools.fetch('/do/headers?h=x-multi:one&h=x-multi:two&h=vary:accept&h=vary:origin')
      equal(
        [answer.headers.get('x-multi'), answer.headers.get('vary')],
        ['one, two', 'accept, origin'],
        'values',
      )
    },
  },
  {
    id: 'handlers-48',
    contract: 'Every printable ASCII character of a header value comes as it was set.',
    async run(tools) {
      const all = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join('')
      const answer = await tools.raw({
        path: `/do/headers?h=${encodeURIComponent(`x-all:${all} two  spaces`)}`,
      })
      equal(new Headers(answer.headers).get('x-all'), `${all} two  spaces`, 'value')
    },
  },
  {
    id: 'handlers-75',
    contract: 'Bytes above 127 in header values pass both ways as Latin-1, as Fetch has it.',
    async run(tools) {
      const all = Array.from({ length: 96 }, (_, index) => String.fromCharCode(160 + index)).join('')
      const request = await tools.raw({ path: '/headers', headers: [['X-All', `a${all}b`]] })
      const { headers } = JSON.parse(new TextDecoder().decode(request.body)) as {
        headers: [string, string][]
      }
      equal(new Headers(headers).get('x-all'), `a${all}b`, 'request')
      const answer = await tools.raw({ path: `/do/headers?h=${encodeURIComponent(`x-all:a${all}b`)}` })
      equal(answer.headers.find(([name]) => name === 'x-all')?.[1], `a${all}b`, 'answer')
    },
  },
  {
    id: 'handlers-49',
    contract:
      'ETag, Cache-Control, Content-Type, Content-Disposition, Location and CORS headers come as set.',
    async run(tools) {
      const set = {
        etag: 'W/"a,b"',
        'cache-control': 'public, max-age=1',
        'content-type': 'text/x-test; charset="utf-8"',
        'content-disposition': 'attachment; filename="a b.txt"',
        'access-control-allow-origin': '*',
        'www-authenticate': 'Basic realm="x, y"',
        link: '</a>; rel=preload',
      }
      const query = Object.entries(set).map(([name, value]) => `h=${encodeURIComponent(`${name}:${value}`)}`)
      const answer = await tools.fetch(`/do/headers?${query.join('&')}`)
      for (const [name, value] of Object.entries(set)) equal(answer.headers.get(name), value, name)
    },
  },
  {
    id: 'handlers-50',
    contract:
      'Text has the type text/plain;charset=UTF-8 where the handler sets none, Response.json ' +
      'application/json.',
    async run(tools) {
      const type = async (path: string): Promise<string | undefined> =>
        (await tools.fetch(path)).headers.get('content-type')?.toLowerCase().replace(' ', '')
      equal(
        [await type('/do/status/200'), await type('/echo')],
        ['text/plain;charset=utf-8', 'application/json'],
        'types',
      )
    },
  },
  {
    id: 'handlers-51',
    contract: 'All 256 byte values come to the client as they are, whatever the type says.',
    async run(tools) {
      const answer = await tools.raw({ path: '/do/bytes/256' })
      equal([new Uint8Array(answer.body), answer.complete], [pattern(256), true], 'body')
    },
  },
  {
    id: 'handlers-52',
    contract: 'An empty body is an answer of 200 with nothing in it.',
    async run(tools) {
      const answer = await tools.raw({ path: '/do/bytes/0' })
      equal([answer.status, answer.body.length, answer.complete], [200, 0, true], 'answer')
    },
  },
  {
    id: 'handlers-53',
    contract: 'A streamed body of 1 MB comes whole.',
    async run(tools) {
      equal(
        await sha256(await (await tools.fetch('/do/chunks/1000000')).arrayBuffer()),
        await sha256(pattern(1_000_000)),
        'sha256',
      )
    },
  },
  failureCase(
    'handlers-54',
    'A handler that throws at once is a 500 without details.',
    '/do/throw-now/error',
  ),
  failureCase('handlers-55', 'A handler that rejects is a 500 without details.', '/do/throw/error'),
  failureCase(
    'handlers-56',
    'Throwing what is no error is a 500 too: text, undefined, null.',
    '/do/throw/string',
    '/do/throw/undefined',
    '/do/throw/null',
    '/do/throw-now/undefined',
  ),
  failureCase(
    'handlers-57',
    'A status outside 200 to 599 is a 500.',
    '/do/invalid/status-99',
    '/do/invalid/status-600',
  ),
  failureCase('handlers-58', 'A body with status 204 is a 500.', '/do/invalid/body-204'),
  failureCase(
    'handlers-59',
    'An invalid header name is a 500, and so is a value with line breaks: it splits nothing.',
    '/do/invalid/header-name',
    '/do/invalid/header-value',
  ),
  failureCase(
    'handlers-60',
    'An answer that is no Response is a 500: undefined, null, text, a plain object.',
    '/do/invalid/undefined',
    '/do/invalid/null',
    '/do/invalid/string',
    '/do/invalid/object',
  ),
  failureCase('handlers-61', 'An answer whose body has been read already is a 500.', '/do/invalid/used-body'),
  {
    id: 'handlers-62',
    contract:
      'A body that fails half-way ends broken for the client, without details, and the target goes on.',
    async run(tools) {
      const answer = await tools.raw({ path: '/do/broken' }).catch(() => undefined)
      if (answer !== undefined && answer.status === 200) {
        equal(answer.complete, false, 'complete')
        ok(!new TextDecoder().decode(answer.body).includes('secret detail'), 'the body has details')
      }
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
])
