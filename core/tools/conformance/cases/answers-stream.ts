/** Cases about streamed answers: header values, kinds of chunks, streams that fail at once. */
import { equal, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'

/**
 * Test value of a header: every character from U+0080 to U+00FF, between two letters so that none of them is
 * trimmed.
 */
const LATIN1 = `a${Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join('')}b`

async function latin(tools: WireTools, how: string): Promise<void> {
  const query = `v=${encodeURIComponent(LATIN1)}&key=${tools.key(how)}`
  const connection = await tools.open({ path: `/do/latin/${how}?${query}` })
  if (how === 'late') {
    if (tools.capabilities['response.streaming']) await connection.sees('\r\n\r\n', 20)
    await tools.note(tools.key(how), 'go')
  }
  const answer = await connection.response()
  equal(new Headers(answer.headers).get('x-value'), LATIN1, how)
  equal(new TextDecoder().decode(answer.body), 'Zoë', how)
}

/**
 * Fails unless a streamed answer with the given chunks arrives as the given bytes, both when all chunks are
 * enqueued at once and when each has a turn of its own.
 */
async function chunks({ fetch }: WireTools, names: string, expected: string): Promise<void> {
  for (const more of ['', '?late']) {
    const answer = await fetch(`/do/chunk-kinds/${names}${more}`)
    const text = await answer.text().catch((error: unknown) => `${answer.status}, then ${String(error)}`)
    equal([answer.status, text], [200, expected], `${names}${more}`)
  }
}

async function read({ fetch }: WireTools, how: string, names: string): Promise<unknown> {
  return (await fetch(`/do/read-kinds/${names}?how=${how}`)).json()
}

export const streamCases = wireCases('answers', [
  {
    id: 'answers-41',
    contract:
      'Header values of U+0080 to U+00FF leave as one byte each, with a body in memory, a stream, or a ' +
      'stream that comes late.',
    async run(tools) {
      for (const how of ['memory', 'now', 'late']) await latin(tools, how)
    },
  },
  {
    id: 'answers-42',
    contract: 'An answer of a stream of text chunks comes as their UTF-8.',
    run: (tools) => chunks(tools, 'text,empty,text', '<Zoë><Zoë>'),
  },
  {
    id: 'answers-43',
    contract: 'An answer of a stream of ArrayBuffers comes as their bytes.',
    run: (tools) => chunks(tools, 'buffer,buffer', '<buffer><buffer>'),
  },
  {
    id: 'answers-44',
    contract: 'An answer of a stream of views that are no Uint8Arrays comes as their bytes, and no more.',
    run: (tools) => chunks(tools, 'words,floats,view', '<16><double><view>'),
  },
  {
    id: 'answers-45',
    contract: 'Chunks of all kinds may follow each other.',
    run: (tools) => chunks(tools, 'bytes,text,buffer,words,text,view', '<bytes><Zoë><buffer><16><Zoë><view>'),
  },
  {
    id: 'answers-46',
    contract: 'A chunk that is a number, an object or null breaks the answer, and the target goes on.',
    async run(tools) {
      for (const name of ['number', 'object', 'null']) {
        for (const path of [name, `bytes,${name}`]) {
          const answer = await tools.raw({ path: `/do/chunk-kinds/${path}` }).catch(() => undefined)
          ok(answer === undefined || answer.status >= 500 || !answer.complete, `${path} came whole`)
        }
        equal((await tools.fetch('/after')).status, 200, 'the next request')
      }
    },
  },
  {
    id: 'answers-47',
    contract: 'A Response reads a stream of ArrayBuffers and of views of any kind.',
    async run(tools) {
      for (const how of ['text', 'arrayBuffer', 'blob'])
        equal(
          await read(tools, how, 'buffer,words,floats,view,bytes'),
          { text: '<buffer><16><double><view><bytes>' },
          how,
        )
    },
  },
  {
    id: 'answers-48',
    contract: 'A Response that reads a stream of text or numbers rejects with a TypeError.',
    async run(tools) {
      for (const name of ['text', 'number'])
        for (const how of ['text', 'arrayBuffer'])
          equal(await read(tools, how, `bytes,${name}`), { error: 'TypeError' }, `${how}, ${name}`)
    },
  },
  {
    id: 'answers-49',
    contract: 'A stream that has failed by the end of the turn in which it was returned is a 500.',
    async run(tools) {
      for (const kind of 'start rejected pull microtasks chunk chunks object transform aborted'.split(' ')) {
        const answer = await tools.raw({ path: `/do/failing/${kind}` })
        equal([answer.status, new TextDecoder().decode(answer.body)], [500, 'Internal Server Error'], kind)
      }
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'answers-40',
    contract: 'A number as a late chunk breaks an answer, and the body of a request.',
    upstream: true,
    async run(tools) {
      for (const path of ['chunk-kinds/number?late', 'chunk-kinds/bytes,number?late', 'send/bytes,number']) {
        const answer = await tools.raw({ path: `/do/${path}` }).catch(() => undefined)
        ok(answer === undefined || answer.status >= 500 || !answer.complete, `${path} came whole`)
      }
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'answers-50',
    contract: 'The client has the head of an answer before its stream has a first chunk.',
    needs: 'response.streaming',
    async run(tools) {
      const connection = await tools.open({ path: `/do/promised/${tools.key()}?bytes=3&length=None` })
      ok(await connection.sees('\r\n\r\n', 20), 'the head came before the first chunk')
      await tools.note(tools.key(), 'go')
      equal((await connection.response()).body.length, 3, 'body')
    },
    async without(tools) {
      await tools.note(tools.key(), 'go')
      const answer = await tools.raw({ path: `/do/promised/${tools.key()}?bytes=3&length=3` })
      equal([answer.status, answer.body.length], [200, 3], 'answer')
    },
  },
])
