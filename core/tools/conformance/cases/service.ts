import { equal, eventually, ok, pattern, sha256, streamOfChunks, throwsCode } from '../assert.ts'
import { insideCases, type InsideTools } from '../case.ts'
import { note, notes } from '../fixture/notes.ts'

/** Calls the fixture app itself through its service binding. */
async function call({ env }: InsideTools, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('x-conformance-token', await env.conformanceToken.get())
  return env.self.fetch(path, { ...init, headers })
}

function nameAndText(error: unknown): string {
  const { name, message } = error as Error
  return `${name}: ${message}`
}

interface Echo {
  method: string
  url: string
  headers: [string, string][]
}

export const serviceCases = insideCases('service', [
  {
    id: 'service-01',
    contract: 'Method, path, query and headers reach the other app.',
    async run(tools) {
      const response = await call(tools, '/some/p%2Fath/?a=1&a=2&b=%26+c', {
        method: 'PUT',
        body: 'x',
        headers: { 'x-own': 'value', accept: 'text/x-test' },
      })
      const echo = (await response.json()) as Echo
      const url = new URL(echo.url)
      const headers = new Headers(echo.headers)
      equal(
        [echo.method, url.pathname, url.search, headers.get('x-own'), headers.get('accept')],
        ['PUT', '/some/p%2Fath/', '?a=1&a=2&b=%26+c', 'value', 'text/x-test'],
        'request',
      )
    },
  },
  {
    id: 'service-02',
    contract: "A Request, a URL and a path can be given; the host is the other app's own.",
    async run(tools) {
      const token = { 'x-conformance-token': await tools.env.conformanceToken.get() }
      const { self } = tools.env
      const answers = [
        await self.fetch(new Request('https://ignored.example/x?y', { headers: token })),
        await self.fetch(new URL('https://ignored.example/x?y'), { headers: token }),
        await self.fetch('https://ignored.example/x?y', { headers: token }),
        await self.fetch('/x?y', { headers: token }),
      ]
      for (const answer of answers) equal(new URL(((await answer.json()) as Echo).url).pathname, '/x', 'path')
    },
  },
  {
    id: 'service-03',
    contract: 'Answers of 204, 205 and 304 have no body, and other statuses come as they are.',
    async run(tools) {
      for (const status of [204, 205, 304, 200, 201, 404, 418, 500, 503]) {
        const response = await call(tools, `/do/status/${status}`)
        equal([response.status, response.headers.get('x-status')], [status, String(status)], 'status')
        equal(await response.text(), [204, 205, 304].includes(status) ? '' : `status ${status}`, 'body')
      }
    },
  },
  {
    id: 'service-04',
    contract: 'A redirect is handed back, not followed.',
    async run(tools) {
      const response = await call(tools, '/do/redirect?status=307&to=/elsewhere')
      equal(response.status, 307, 'status')
      equal(new URL(response.headers.get('location') ?? '', 'http://x').pathname, '/elsewhere', 'location')
    },
  },
  {
    id: 'service-05',
    contract: 'A throw in the other app is a 500 answer without details, not a hang and not an error.',
    async run(tools) {
      for (const path of ['/do/throw/error', '/do/throw-now/string']) {
        const response = await call(tools, path)
        const body = await response.text()
        equal(response.status, 500, 'status')
        ok(!body.includes('secret detail'), `body: ${body}`)
      }
    },
  },
  {
    id: 'service-06',
    // The number of concurrent calls is limited to 25: a Lambda environment answers one request at a time,
    // and a hundred processes at once would test the machine, not the target.
    contract: 'Twenty-five concurrent calls get their own answers.',
    seconds: 40,
    async run(tools) {
      const ids = Array.from({ length: 25 }, (_, index) => `id${index}`)
      const answers = await Promise.all(
        ids.map(async (id) =>
          (
            await call(tools, `/do/slow/${id}?id=${id}`, {
              method: 'POST',
              body: id,
              headers: { 'x-id': id },
            })
          ).json(),
        ),
      )
      equal(
        answers,
        ids.map((id) => ({ rest: id, query: id, before: id, header: id, body: id })),
        'answers',
      )
    },
  },
  {
    id: 'service-07',
    contract: 'All 256 byte values pass both ways, at once and as streams.',
    async run(tools) {
      for (const route of ['body', 'body-buffered']) {
        const response = await call(tools, `/do/${route}`, { method: 'POST', body: pattern(256) })
        equal(await response.arrayBuffer(), pattern(256), route)
      }
      const chunks = [pattern(70_000), pattern(1), pattern(130_000)]
      const init = { method: 'POST', body: streamOfChunks(chunks), duplex: 'half' }
      const response = await call(tools, '/do/digest', init)
      const whole = await new Blob(chunks).arrayBuffer()
      equal(
        await response.json(),
        { size: whole.byteLength, sha256: await sha256(whole), contentType: null },
        'streamed',
      )
    },
  },
  {
    id: 'service-08',
    contract: 'Headers over 32 KiB are LimitExceeded before the call.',
    async run(tools) {
      await throwsCode(
        'LimitExceeded',
        () => call(tools, '/x', { headers: { 'x-large': 'x'.repeat(33_000) } }),
        { limit: 'service.headers' },
      )
      equal(
        (await call(tools, '/x', { headers: { 'x-large': 'x'.repeat(4000) } })).status,
        200,
        '4,000 bytes',
      )
    },
  },
  {
    id: 'service-09',
    contract: 'A body of 1 MB passes both ways.',
    async run(tools) {
      const body = pattern(1_000_000)
      const response = await call(tools, '/do/body-buffered', { method: 'POST', body })
      equal(await sha256(await response.arrayBuffer()), await sha256(body), 'sha256')
    },
  },
  {
    id: 'service-12',
    contract:
      'Services that call each other in a circle are stopped: LimitExceeded after 16 that hand on their ' +
      'headers.',
    async run(tools) {
      // The request claims 13 earlier hops of service calls: 16 real nested calls would need 17 environments
      // of a Lambda function.
      const answer = await call(tools, '/do/loop', { headers: { 'unmoor-hops': '13' } })
      equal(
        await answer.json(),
        { code: 'LimitExceeded', details: { limit: 'service.hops', actual: 17, max: 16 } },
        'what stopped it',
      )
    },
  },
  {
    id: 'service-10',
    contract: 'A call whose signal is aborted fails, before it and during it.',
    async run(tools) {
      const { env, key } = tools
      // The app called through the service binding answers only once it is released or sees the abort.
      const outcomeOf = (name: string, signal: AbortSignal): Promise<string> =>
        call(tools, `/do/abort/${key(name)}`, { signal }).then(
          async (answer) => `answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`,
          () => 'failed',
        )
      try {
        equal(
          await outcomeOf('before', AbortSignal.abort()),
          'failed',
          'outcome of a call whose signal was aborted before it',
        )
        const controller = new AbortController()
        let settled = ''
        const during = outcomeOf('during', controller.signal).then((outcome) => (settled = outcome))
        await eventually(async () => {
          equal(settled, '', 'outcome before the abort')
          equal(await notes(env, key('during')), ['started'], 'what the other app has noted')
        })
        controller.abort()
        equal(await during, 'failed', 'outcome of a call whose signal was aborted during it')
        equal(
          await outcomeOf('timeout', AbortSignal.timeout(100)),
          'failed',
          'outcome of a call whose time was over',
        )
      } finally {
        for (const name of ['during', 'timeout']) await note(env, key(`${name}-release`), 'finish')
      }
    },
  },
  {
    id: 'service-11',
    contract: 'Several Set-Cookie headers come one by one.',
    async run(tools) {
      const cookies = (await call(tools, '/do/cookies')).headers.getSetCookie()
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
    id: 'service-53',
    contract: "An abort while the answer's body is read errors it with the reason of the signal.",
    needs: 'response.streaming',
    async run(tools) {
      const { env, key } = tools
      const readers: Readonly<Record<string, (answer: Response) => Promise<unknown>>> = {
        text: (answer) => answer.text(),
        getReader: async (answer) => {
          const reader = (answer.body as ReadableStream).getReader()
          while (!(await reader.read()).done);
        },
        pipeTo: (answer) => (answer.body as ReadableStream).pipeTo(new WritableStream()),
        clone: (answer) => answer.clone().text(),
      }
      // Errors of aborted service calls are compared by name and text, because workerd throws a copy.
      const reasons: Readonly<Record<string, unknown>> = {
        'RangeError: enough': new RangeError('enough'),
        'TimeoutError: late': new DOMException('late', 'TimeoutError'),
        AbortError: undefined,
      }
      for (const [how, read] of Object.entries(readers))
        for (const [expected, reason] of Object.entries(reasons)) {
          const gate = key(`${how}-${expected.replaceAll(/\W/g, '-')}`)
          const controller = new AbortController()
          try {
            const answer = await call(tools, `/do/gate/${gate}`, { signal: controller.signal })
            const outcome = read(answer).then(() => 'ended', nameAndText)
            controller.abort(reason)
            equal((await outcome).slice(0, expected.length), expected, `the error of ${how}`)
          } finally {
            await note(env, gate, 'finish')
          }
        }
    },
    async without(tools) {
      // The whole answer of the service call has arrived before its body is read, so an abort has nothing
      // left to break.
      const controller = new AbortController()
      const answer = await call(tools, '/do/bytes/10', { signal: controller.signal })
      controller.abort()
      equal(
        await answer.arrayBuffer().then(
          ({ byteLength }) => byteLength,
          () => 10,
        ),
        10,
        'bytes',
      )
    },
  },
])
