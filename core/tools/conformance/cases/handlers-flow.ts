import { equal, eventually, ok, pattern, sha256, sleep } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'

const FIVE_MB = 5_000_000

function post(bytes: Uint8Array<ArrayBuffer>): RequestInit {
  return { method: 'POST', body: bytes, headers: { 'content-type': 'application/octet-stream' } }
}

/**
 * Sends the first chunk of a request body, and the rest once `more` resolves. Resolves to the answer's text.
 */
async function sendSlowly(tools: WireTools, more: () => Promise<void>): Promise<string> {
  const connection = await tools.open({ method: 'POST', path: `/do/receive/${tools.key()}`, chunked: true })
  connection.chunk('first ')
  await more()
  connection.chunk('last')
  connection.end()
  return new TextDecoder().decode((await connection.response()).body)
}

async function openAbort(tools: WireTools): Promise<void> {
  const connection = await tools.open({ path: `/do/abort/${tools.key()}` })
  await eventually(async () => equal(await tools.notes(tools.key()), ['started'], 'notes'))
  connection.destroy()
}

export const flowCases = wireCases('handlers', [
  {
    id: 'handlers-63',
    contract: 'A request body of 1 MB arrives whole.',
    async run(tools) {
      const body = pattern(1_000_000)
      equal(
        await (await tools.fetch('/do/digest', post(body))).json(),
        { size: 1_000_000, sha256: await sha256(body), contentType: 'application/octet-stream' },
        'digest',
      )
    },
  },
  {
    id: 'handlers-64',
    contract: 'A request body of 5 MB arrives whole.',
    exclusive: 'heavy',
    needs: 'request.large',
    seconds: 40,
    async run(tools) {
      const body = pattern(FIVE_MB)
      equal(
        await (await tools.fetch('/do/digest', post(body))).json(),
        { size: FIVE_MB, sha256: await sha256(body), contentType: 'application/octet-stream' },
        'digest',
      )
    },
    async without(tools) {
      const answer = await tools.fetch('/do/digest', post(pattern(FIVE_MB)))
      equal(answer.status, 413, 'status')
      await answer.body?.cancel()
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'handlers-65',
    contract: 'An answer of 5 MB comes whole, at once and as a stream.',
    exclusive: 'heavy',
    needs: 'response.large',
    seconds: 40,
    async run(tools) {
      for (const route of ['bytes', 'chunks'])
        equal(
          await sha256(await (await tools.fetch(`/do/${route}/${FIVE_MB}`)).arrayBuffer()),
          await sha256(pattern(FIVE_MB)),
          route,
        )
    },
    async without(tools) {
      const answer = await tools.fetch(`/do/bytes/${FIVE_MB * 2}`)
      ok(answer.status >= 500, `status ${answer.status} is a 5xx`)
      await answer.body?.cancel()
    },
  },
  {
    id: 'handlers-66',
    contract: 'The client has the first part of an answer before the handler has sent the last.',
    needs: 'response.streaming',
    async run(tools) {
      const connection = await tools.open({ path: `/do/gate/${tools.key()}` })
      ok(await connection.sees('first', 8), 'the first part came while the gate was shut')
      await tools.note(tools.key(), 'open')
      equal(new TextDecoder().decode((await connection.response()).body), 'first\nlast\n', 'body')
    },
    async without(tools) {
      const connection = await tools.open({ path: `/do/gate/${tools.key()}` })
      equal(await connection.sees('first', 1), false, 'the first part came early')
      await tools.note(tools.key(), 'open')
      equal(new TextDecoder().decode((await connection.response()).body), 'first\nlast\n', 'body')
    },
  },
  {
    id: 'handlers-67',
    contract: 'The handler has the first part of a body before the client has sent the last.',
    needs: 'request.streaming',
    async run(tools) {
      const text = await sendSlowly(tools, () =>
        eventually(
          async () => equal(await tools.notes(tools.key()), ['first '], 'what the handler has'),
          10,
          50,
        ),
      )
      equal(text, 'first last', 'body')
    },
    async without(tools) {
      const text = await sendSlowly(tools, async () => {
        await sleep(500)
        equal(await tools.notes(tools.key()), [], 'what the handler has')
      })
      equal(text, 'first last', 'body')
    },
  },
  {
    id: 'handlers-68',
    contract: 'When the client goes away request.signal aborts, and waitUntil work is still done.',
    needs: 'request.abort',
    async run(tools) {
      await openAbort(tools)
      try {
        await eventually(async () =>
          equal(
            (await tools.notes(tools.key())).map((note) => note.split(' ')[0]),
            ['started', 'aborted'],
            'notes',
          ),
        )
      } finally {
        await tools.note(tools.key('key-release'), 'finish')
      }
    },
    async without(tools) {
      await openAbort(tools)
      // The case waits a while for an abort event of the request, which must not come on a target without
      // such events.
      await sleep(6000)
      await tools.note(tools.key('key-release'), 'finish')
      await eventually(async () => equal(await tools.notes(tools.key()), ['started', 'finished'], 'notes'))
    },
  },
  {
    id: 'handlers-69',
    contract: 'A hundred concurrent requests each get their own answer: path, query, header and body.',
    exclusive: 'heavy',
    seconds: 60,
    async run(tools) {
      const ids = Array.from({ length: 100 }, (_, index) => `id${index}`)
      const answers = await Promise.all(
        ids.map(async (id) =>
          (
            await tools.fetch(`/do/slow/${id}?id=${id}`, {
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
    id: 'handlers-70',
    contract:
      'AsyncLocalStorage keeps its value per request over awaits, timers, microtasks and reading the body.',
    exclusive: 'heavy',
    seconds: 60,
    async run(tools) {
      const ids = Array.from({ length: 50 }, (_, index) => `id${index}`)
      const answers = await Promise.all(
        ids.map(async (id) => (await tools.fetch(`/do/als/${id}`, { method: 'POST', body: id })).json()),
      )
      equal(
        answers,
        ids.map((id) => [id, id, id, id, 'inner', id]),
        'answers',
      )
    },
  },
  {
    id: 'handlers-71',
    contract: 'A request signal does not abort when the answer was sent and read.',
    async run(tools) {
      const answer = await tools.fetch(`/do/settled/${tools.key()}`)
      equal(await answer.text(), 'done', 'answer')
      await eventually(async () => equal(await tools.notes(tools.key()), ['not aborted'], 'notes'))
    },
  },
  {
    id: 'handlers-72',
    contract: 'A body counted chunk by chunk is as long as what was sent; GET has none.',
    async run(tools) {
      equal(
        await (await tools.fetch('/do/count', post(pattern(300_000)))).json(),
        { size: 300_000, hadBody: true },
        'POST',
      )
      equal(await (await tools.fetch('/do/count')).json(), { size: 0, hadBody: false }, 'GET')
    },
  },
  {
    id: 'handlers-73',
    contract: 'Requests that follow each other on one connection are answered in turn.',
    async run(tools) {
      for (let round = 0; round < 20; round++)
        equal(
          await (
            await tools.fetch(`/do/status/${200 + (round % 3)}`, { headers: { connection: 'keep-alive' } })
          ).text(),
          `status ${200 + (round % 3)}`,
          'answer',
        )
    },
  },
  {
    id: 'handlers-74',
    contract: 'A client that goes away in the middle of an answer harms no other.',
    async run(tools) {
      for (let round = 0; round < 5; round++) {
        const connection = await tools.open({ path: '/do/chunks/3000000' })
        ok(await connection.sees('HTTP/1.1 200', 10), 'the answer began')
        connection.destroy()
      }
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
])
