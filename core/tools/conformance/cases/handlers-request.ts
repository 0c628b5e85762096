import { equal } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'

interface Echo {
  method: string
  url: URL
  headers: Headers
}

/** Sends a request with exactly this request target. Resolves to the request as the app received it. */
async function echo(
  tools: WireTools,
  path: string,
  more: { method?: string; headers?: [string, string][]; body?: string } = {},
): Promise<Echo> {
  const answer = await tools.raw({ path, ...more })
  equal(answer.status, 200, `status of ${path}`)
  const { method, url, headers } = JSON.parse(new TextDecoder().decode(answer.body)) as {
    method: string
    url: string
    headers: [string, string][]
  }
  return { method, url: new URL(url), headers: new Headers(headers) }
}

function pathCase(
  id: string,
  contract: string,
  paths: Record<string, string>,
): Parameters<typeof wireCases>[1][number] {
  return {
    id,
    contract,
    async run(tools) {
      for (const [path, expected] of Object.entries(paths))
        equal((await echo(tools, path)).url.pathname, expected, `pathname of ${path}`)
    },
  }
}

function queryCase(
  id: string,
  contract: string,
  query: string,
  entries: [string, string][],
): Parameters<typeof wireCases>[1][number] {
  return {
    id,
    contract,
    async run(tools) {
      const { url } = await echo(tools, `/query${query}`)
      equal(url.search, query === '?' ? '' : query, 'search')
      equal([...url.searchParams], entries, 'entries')
    },
  }
}

function headerCase(
  id: string,
  contract: string,
  headers: [string, string][],
  expected: Record<string, string | null>,
): Parameters<typeof wireCases>[1][number] {
  return {
    id,
    contract,
    async run(tools) {
      const got = await echo(tools, '/headers', { headers })
      for (const [name, value] of Object.entries(expected)) equal(got.headers.get(name), value, name)
    },
  }
}

export const requestCases = wireCases('handlers', [
  {
    id: 'handlers-01',
    contract: 'GET, POST, PUT, PATCH, DELETE and OPTIONS reach the handler by their names.',
    async run(tools) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        equal(
          (await echo(tools, '/method', method === 'GET' ? {} : { method, body: 'x' })).method,
          method,
          'method',
        )
      }
    },
  },
  {
    id: 'handlers-02',
    contract: 'HEAD reaches the handler as HEAD; the client gets the headers and no body.',
    async run(tools) {
      const answer = await tools.raw({ method: 'HEAD', path: '/do/status/203' })
      equal(
        [answer.status, answer.body.length, new Headers(answer.headers).get('x-status')],
        [203, 0, '203'],
        'answer',
      )
    },
  },
  {
    id: 'handlers-03',
    contract: 'DELETE and PUT with a body give the handler the body; POST without one an empty body.',
    async run(tools) {
      for (const method of ['DELETE', 'PUT', 'PATCH', 'POST'])
        equal(
          await (await tools.fetch('/do/text', { method, body: `${method} body` })).json(),
          { text: `${method} body` },
          method,
        )
      equal(
        await (await tools.fetch('/do/text', { method: 'POST' })).json(),
        { text: '' },
        'POST without a body',
      )
    },
  },
  pathCase('handlers-04', '%2F in a path stays encoded.', { '/a%2Fb/%2f': '/a%2Fb/%2f' }),
  pathCase('handlers-05', '%3F and %23 in a path stay encoded: they start no query and no fragment.', {
    '/a%3Fb=1/%23c': '/a%3Fb=1/%23c',
  }),
  pathCase('handlers-06', 'Encoded non-ASCII letters stay as they are.', {
    '/Zo%C3%AB/%F0%9F%98%80/%E2%82%AC': '/Zo%C3%AB/%F0%9F%98%80/%E2%82%AC',
  }),
  pathCase('handlers-07', 'Empty segments stay, also at the beginning.', {
    '//double//slash//': '//double//slash//',
    '/a//b': '/a//b',
  }),
  pathCase('handlers-08', 'A trailing slash is kept, and none is added.', {
    '/trailing/': '/trailing/',
    '/trailing': '/trailing',
  }),
  pathCase('handlers-09', 'Dot segments are resolved as URLs want.', {
    '/a/b/../c/./d': '/a/c/d',
    '/../../top': '/top',
    '/a/%2e%2e/b': '/b',
  }),
  pathCase('handlers-10', 'Percent, space, plus and reserved characters in a path stay as sent.', {
    "/100%25/a%20b+c/;x=1,2@:!$&'()*": "/100%25/a%20b+c/;x=1,2@:!$&'()*",
  }),
  pathCase('handlers-11', 'Escapes that are no UTF-8, or escape nothing special, stay as sent.', {
    '/%ff%FE/%41%7E': '/%ff%FE/%41%7E',
  }),
  pathCase('handlers-12', 'A path that looks like a URL or a host is a path.', {
    '/http://evil.example/x': '/http://evil.example/x',
    '//evil.example/x': '//evil.example/x',
    '/@evil.example': '/@evil.example',
  }),
  pathCase('handlers-13', 'A path of 4,000 characters arrives whole.', {
    [`/${'long/'.repeat(800)}`]: `/${'long/'.repeat(800)}`,
  }),
  queryCase('handlers-14', 'Repeated names in a query stay, in order.', '?a=1&b=2&a=3&a=', [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
    ['a', ''],
  ]),
  queryCase(
    'handlers-15',
    'Empty values, names without a value and empty parts stay as sent.',
    '?a=&b&=c&&',
    [
      ['a', ''],
      ['b', ''],
      ['', 'c'],
    ],
  ),
  queryCase('handlers-16', 'A plus stays a plus, and means a space.', '?q=a+b%2Bc%20d', [['q', 'a b+c d']]),
  queryCase('handlers-17', 'An encoded & or = is part of a value.', '?q=a%26b%3Dc&r=1', [
    ['q', 'a&b=c'],
    ['r', '1'],
  ]),
  queryCase(
    'handlers-18',
    'Non-ASCII, a slash, a question mark and an encoded percent sign stay as sent.',
    '?q=Zo%C3%AB%F0%9F%98%80&u=/a?b/%2F&p=100%25',
    [
      ['q', 'Zoë😀'],
      ['u', '/a?b//'],
      ['p', '100%'],
    ],
  ),
  queryCase('handlers-19', 'A lone question mark is an empty query.', '?', []),
  queryCase(
    'handlers-20',
    'Brackets, commas and names like __proto__ are plain names.',
    '?a[]=1&a[]=2&__proto__=x&c=1,2',
    [
      ['a[]', '1'],
      ['a[]', '2'],
      ['__proto__', 'x'],
      ['c', '1,2'],
    ],
  ),
  {
    id: 'handlers-21',
    contract: 'Repeated request headers are joined by commas, none is lost.',
    async run(tools) {
      const { headers } = await echo(tools, '/headers', {
        headers: [
          ['X-Multi', 'one'],
          ['x-multi', 'two'],
          ['X-MULTI', 'three, four'],
        ],
      })
      // AWS joins repeated request headers with a comma and no space.
      equal(headers.get('x-multi')?.split(/, ?/), ['one', 'two', 'three', 'four'], 'x-multi')
    },
  },
  headerCase('handlers-22', 'Names have no case, values keep theirs.', [['X-CaSe', 'VaLue']], {
    'x-case': 'VaLue',
    'X-CASE': 'VaLue',
  }),
  headerCase(
    'handlers-23',
    'Every printable ASCII character and inner white space of a value arrives; outer white space is trimmed.',
    [
      [
        'X-All',
        ` ${Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join('')} two  ` +
          `spaces\tand a tab `,
      ],
    ],
    {
      'x-all':
        `${Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join('')} ` +
        `two  spaces\tand a tab`,
    },
  ),
  headerCase('handlers-24', 'An empty header value is an empty string, not absent.', [['X-Empty', '']], {
    'x-empty': '',
    'x-absent': null,
  }),
  headerCase(
    'handlers-25',
    'Authorization, Cookie, Accept, Range and conditional headers arrive as sent.',
    [
      ['Authorization', 'Basic YTpi'],
      ['Cookie', 'a=1; b="2"'],
      ['Accept', 'text/*;q=0.3'],
      ['Range', 'bytes=0-1'],
      ['If-None-Match', 'W/"x"'],
      ['If-Modified-Since', 'Wed, 21 Oct 2015 07:28:00 GMT'],
    ],
    {
      authorization: 'Basic YTpi',
      cookie: 'a=1; b="2"',
      accept: 'text/*;q=0.3',
      range: 'bytes=0-1',
      'if-none-match': 'W/"x"',
      'if-modified-since': 'Wed, 21 Oct 2015 07:28:00 GMT',
    },
  ),
  headerCase(
    'handlers-26',
    'A header value of 6,000 characters arrives whole.',
    [['X-Long', 'v'.repeat(6000)]],
    { 'x-long': 'v'.repeat(6000) },
  ),
  {
    id: 'handlers-27',
    contract:
      'Host and protocol come from the connection: X-Forwarded-Host, X-Forwarded-Proto, ' +
      'X-Forwarded-Port, Forwarded and X-Original-URL change nothing.',
    async run(tools) {
      const { url } = await echo(tools, '/host', {
        headers: [
          ['X-Forwarded-Host', 'evil.example'],
          ['X-Forwarded-Proto', tools.url.startsWith('https') ? 'http' : 'https'],
          ['X-Forwarded-Port', '1'],
          ['Forwarded', 'host=evil.example;proto=https'],
          ['X-Original-URL', '/evil'],
          ['X-Rewrite-URL', '/evil'],
          ['X-HTTP-Method-Override', 'DELETE'],
        ],
      })
      const own = new URL(tools.url)
      equal(
        [url.host, url.protocol, url.pathname],
        [own.host, own.protocol, '/host'],
        'host, protocol and path',
      )
    },
  },
  {
    id: 'handlers-28',
    contract: "The request's URL has the host that the client asked for, and no user, password or fragment.",
    async run(tools) {
      const { url } = await echo(tools, '/host?x')
      equal(
        [url.origin, url.username, url.password, url.hash],
        [new URL(tools.url).origin, '', '', ''],
        'parts',
      )
    },
  },
  {
    id: 'handlers-29',
    contract: 'request is a Request with Headers and a signal that is not aborted; ctx has its members.',
    async run(tools) {
      const shape = {
        isRequest: true,
        headers: true,
        signal: true,
        aborted: false,
        bodyUsed: false,
        ctx: ['function', 'function', 'object', true],
      }
      equal(await (await tools.fetch('/do/shape')).json(), { ...shape, bodyIsNull: true }, 'GET')
      equal(
        await (await tools.fetch('/do/shape', { method: 'POST', body: 'x' })).json(),
        { ...shape, bodyIsNull: false },
        'POST',
      )
    },
  },
])
