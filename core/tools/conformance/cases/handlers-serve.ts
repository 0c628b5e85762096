import { equal, eventually, ok, sha256 } from '../assert.ts'
import { wireCases, type WireCase, type WireTools } from '../case.ts'

/** A client address that no test has, for forged `X-Forwarded-For` headers. */
const FORGED = '203.0.113.66'

const UNCAUGHT: Readonly<Record<string, string>> = {
  timer: 'What a timer of a request throws',
  interval: 'What an interval of a request throws, twice',
  microtask: 'What a microtask of a request throws',
  rejection: 'A rejection in a request that nobody handles',
  listener: 'What a listener of an event throws',
  'abort-listener': 'What a listener of an abort throws',
  'closed-stream': 'What is enqueued to a stream that was cancelled',
}

const uncaughtCases: readonly Omit<WireCase, 'group' | 'where'>[] = Object.entries(UNCAUGHT).map(
  ([kind, what], index) => ({
    id: `handlers-${120 + index}`,
    contract: `${what} changes no answer and ends nothing.`,
    async run(tools) {
      const answer = await tools.fetch(`/do/uncaught/${kind}`)
      equal([answer.status, await answer.text()], [200, 'answered all the same'], 'answer')
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  }),
)

/**
 * Resolves to true if the app's timer threw because its client had gone; false if the platform ends the
 * request together with the client.
 */
async function threw(tools: WireTools): Promise<boolean> {
  return eventually(async () => equal(await tools.notes(tools.key()), ['threw'], 'notes'), 3).then(
    () => true,
    () => false,
  )
}

async function sent(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text)
  return `${bytes.byteLength} ${await sha256(bytes)}`
}

async function refusesHosts(tools: WireTools, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) equal((await tools.raw({ path: '/path', host })).status, 400, host)
  equal((await tools.fetch('/after')).status, 200, 'the next request')
}

export const serveCases = wireCases('handlers', [
  ...uncaughtCases,
  {
    id: 'handlers-127',
    contract: 'A timer that feeds a stream whose client has gone harms no other request.',
    async run(tools) {
      const other = await tools.open({ path: `/do/gate/${tools.key('key-gate')}` })
      const connection = await tools.open({ path: `/do/feed/${tools.key()}` })
      await connection.sees('data: 3', 10)
      connection.destroy()
      if (tools.capabilities['request.abort']) await threw(tools)
      await tools.note(tools.key('key-gate'), 'open')
      const { status, body } = await other.response()
      equal([status, new TextDecoder().decode(body)], [200, 'first\nlast\n'], 'the answer under way')
    },
  },
  {
    id: 'handlers-128',
    contract:
      'An answer that can no longer come, as what it waited for threw, is a 5xx within a minute or so.',
    seconds: 110,
    async run(tools) {
      const answer = await tools.fetch('/do/never')
      ok(answer.status >= 500, `status ${answer.status} is a 5xx`)
      await answer.body?.cancel()
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'handlers-129',
    contract: 'A client that closes its side of the connection after its request is answered.',
    async run(tools) {
      const connection = await tools.open({ path: '/do/slow/half?id=half', method: 'POST', body: 'half' })
      connection.finish()
      equal((await connection.response()).status, 200, 'status')
    },
  },
  {
    id: 'handlers-130',
    contract: 'A body that came whole can be read, though the client has closed its side since.',
    async run(tools) {
      const text = 'body '.repeat(20_000)
      const connection = await tools.open({
        path: `/do/late-body/${tools.key()}`,
        method: 'POST',
        body: text,
      })
      connection.finish()
      const { status, body } = await connection.response()
      equal([status, new TextDecoder().decode(body)], [200, await sent(text)], 'answer')
    },
  },
  {
    id: 'handlers-131',
    contract: 'A body that came whole can be read, though the client has gone since.',
    async run(tools) {
      const connection = await tools.open({
        path: `/do/late-body/${tools.key()}`,
        method: 'POST',
        body: 'all',
      })
      connection.leave()
      await eventually(async () => equal(await tools.notes(tools.key()), [await sent('all')], 'notes'))
    },
  },
  {
    id: 'handlers-132',
    contract: 'A chunked body that came whole can be read, though the client has closed its side since.',
    async run(tools) {
      const connection = await tools.open({
        path: `/do/late-body/${tools.key()}`,
        method: 'POST',
        chunked: true,
      })
      connection.chunk('one ')
      connection.chunk('two')
      connection.end()
      connection.finish()
      const { status, body } = await connection.response()
      equal([status, new TextDecoder().decode(body)], [200, await sent('one two')], 'answer')
    },
  },
  {
    id: 'handlers-133',
    contract: 'A request head of 60,000 bytes is taken.',
    async run(tools) {
      const value = 'h'.repeat(59_000)
      const answer = await tools.raw({ path: '/do/header-size/x-long', headers: [['X-Long', value]] })
      equal([answer.status, new TextDecoder().decode(answer.body)], [200, '59000'], 'answer')
    },
  },
  {
    id: 'handlers-134',
    contract: 'A request head of 200 KB is a 431 or taken whole, and the next request is answered.',
    async run(tools) {
      const value = 'h'.repeat(200_000)
      const { status, body } = await tools.raw({
        path: '/do/header-size/x-long',
        headers: [['X-Long', value]],
      })
      ok(
        status === 431 || (status === 200 && new TextDecoder().decode(body) === '200000'),
        `status ${status} is a 431, or the head was taken`,
      )
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'handlers-135',
    contract: 'ctx.client tells the address of the other end and its kind, in the shape of getConnInfo.',
    async run(tools) {
      const { remote } = (await (await tools.fetch('/do/client')).json()) as {
        remote: { address: string; addressType: string }
      }
      equal(remote.addressType, remote.address.includes(':') ? 'IPv6' : 'IPv4', 'addressType')
      ok(/^[\da-f:.]{3,}$/.test(remote.address), `${remote.address} is an address`)
    },
  },
  {
    id: 'handlers-136',
    contract: 'What a client says of its own address is not believed.',
    async run(tools) {
      const names = ['CF-Connecting-IP', 'X-Forwarded-For', 'X-Real-IP', 'True-Client-IP', 'Forwarded']
      const { body } = await tools.raw({
        path: '/do/client',
        headers: names.map((name) => [name, name === 'Forwarded' ? `for=${FORGED}` : FORGED]),
      })
      const text = new TextDecoder().decode(body)
      ok(text.includes('"remote"') && !text.includes(FORGED), `${text} has not the forged address`)
    },
  },
  {
    id: 'handlers-137',
    contract: 'The body of a GET is empty, whatever the client sends.',
    async run(tools) {
      const { status, body } = await tools.raw({ path: '/do/count', body: 'a body that GET has none of' })
      equal(
        [status, JSON.parse(new TextDecoder().decode(body))],
        [200, { size: 0, hadBody: false }],
        'what the handler got',
      )
    },
  },
  {
    id: 'handlers-184',
    contract: 'A POST without a length has no body; one of 0 bytes has a body that is empty.',
    async run(tools) {
      const none = await tools.raw({ path: '/do/count', method: 'POST' })
      equal(JSON.parse(new TextDecoder().decode(none.body)), { size: 0, hadBody: false }, 'without a length')
      const empty = await tools.raw({ path: '/do/count', method: 'POST', headers: [['content-length', '0']] })
      equal(JSON.parse(new TextDecoder().decode(empty.body)), { size: 0, hadBody: true }, 'of 0 bytes')
    },
  },
  {
    id: 'handlers-138',
    contract: 'The headers of a request are immutable: append, set and delete throw and change nothing.',
    async run(tools) {
      const answer = await tools.fetch('/do/change-headers', { headers: { 'x-kept': 'kept' } })
      equal(
        await answer.json(),
        { append: 'TypeError', set: 'TypeError', delete: 'TypeError', new: 'TypeError', kept: 'kept' },
        'outcomes',
      )
    },
  },
  {
    id: 'handlers-139',
    contract: 'Headers named as members of objects (__proto__, constructor) are kept.',
    async run(tools) {
      for (const name of ['__proto__', 'constructor', 'tostring']) {
        const { body } = await tools.raw({ path: `/do/header/${name}`, headers: [[name, 'kept']] })
        equal(JSON.parse(new TextDecoder().decode(body)), { get: 'kept', has: true, listed: ['kept'] }, name)
      }
    },
  },
  {
    id: 'handlers-140',
    contract: 'A request target in absolute form is the path in it, with a port or without.',
    async run(tools) {
      for (const host of ['example.com:80', 'example.com:8080', 'example.com']) {
        const { status, body } = await tools.raw({ path: `http://${host}/path/x?y=1`, host })
        equal(status, 200, host)
        const url = new URL((JSON.parse(new TextDecoder().decode(body)) as { url: string }).url)
        equal(url.pathname + url.search, '/path/x?y=1', host)
      }
    },
  },
  {
    id: 'handlers-185',
    contract: 'A fragment in a request target, which no client should send, is dropped.',
    async run(tools) {
      for (const [target, url] of [
        ['/path/x?y=1#z', '/path/x?y=1'],
        ['/path/x#?y=1', '/path/x'],
        ['/path/a/../x#', '/path/x'],
      ] as const) {
        const { body } = await tools.raw({ path: target })
        const { pathname, search, hash } = new URL(
          (JSON.parse(new TextDecoder().decode(body)) as { url: string }).url,
        )
        equal(pathname + search + hash, url, target)
      }
    },
  },
  {
    id: 'handlers-141',
    contract: 'A Host header that holds more than a host (a path, a user, a query) is a 400.',
    run: (tools) => refusesHosts(tools, ['a/b', 'u@a', 'a?b', 'a#b', 'a/../b', 'u:p@a:80']),
  },
  {
    id: 'handlers-143',
    contract: 'A Host header that makes no URL is a 400.',
    run: (tools) => refusesHosts(tools, ['a b', 'a:99999', '[::1', 'a<b', 'a:b:c']),
  },
  {
    id: 'handlers-142',
    contract: 'Brackets and bars in a path stay as they are, as WHATWG URL leaves them.',
    async run(tools) {
      const { body } = await tools.raw({ path: '/a[0]|b/{c}' })
      const { url } = JSON.parse(new TextDecoder().decode(body)) as { url: string }
      equal(new URL(url).pathname, new URL('http://a/a[0]|b/{c}').pathname, 'path')
      ok(url.includes('/a[0]|b/'), url)
    },
  },
  {
    id: 'handlers-182',
    contract: 'ctx.requestId is the same each time and another for each request, and can stand in a header.',
    async run(tools) {
      const ids = new Set<string>()
      for (let request = 0; request < 3; request++) {
        const [first = '', second] = (await (await tools.fetch('/do/request-id')).json()) as string[]
        ok(USABLE_ID.test(first), `${JSON.stringify(first)} is an id`)
        equal(second, first, 'the id when read again')
        ids.add(first)
      }
      equal(ids.size, 3, 'ids of three requests')
    },
  },
  {
    id: 'handlers-183',
    contract: 'What a client calls its request is not its ctx.requestId.',
    async run(tools) {
      const names = ['X-Request-Id', 'CF-Ray', 'X-Amzn-RequestId', 'X-Amz-Request-Id', 'X-Correlation-Id']
      const { body } = await tools.raw({
        path: '/do/request-id',
        headers: names.map((name) => [name, 'forged-by-the-client']),
      })
      const [id = ''] = JSON.parse(new TextDecoder().decode(body)) as string[]
      ok(USABLE_ID.test(id) && id !== 'forged-by-the-client', `${id} is an id of our own`)
    },
  },
])

const USABLE_ID = /^[\w.:/+=@-]{1,128}$/
