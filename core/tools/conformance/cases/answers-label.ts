/** Cases about answers whose bytes the app has compressed and labelled with a content-encoding itself. */
import { equal, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import { packed, PACKED_TEXT } from '../fixture/routes-wire.ts'

/**
 * Fails unless the client receives an answer's bytes as the app made them, with the app's content-encoding.
 */
async function asMade(tools: WireTools, coding: string, query = ''): Promise<void> {
  const answer = await tools.raw({ path: `/do/labelled/${encodeURIComponent(coding)}${query}` })
  equal(
    [answer.status < 300, answer.complete, new Headers(answer.headers).get('content-encoding')],
    [true, true, coding],
    `${coding}${query}`,
  )
  equal(new Uint8Array(answer.body), packed(coding), `${coding}${query}`)
}

export const labelCases = wireCases('answers', [
  {
    id: 'answers-01',
    contract: 'Bytes that the app labels gzip go out as they are.',
    run: (tools) => asMade(tools, 'gzip'),
  },
  {
    id: 'answers-02',
    contract: 'Bytes that the app labels br go out as they are.',
    run: (tools) => asMade(tools, 'br'),
  },
  {
    id: 'answers-03',
    contract:
      'Bytes that the app labels deflate, zstd, identity or with a name of its own go out as they are.',
    async run(tools) {
      for (const coding of ['deflate', 'zstd', 'identity', 'x-own']) await asMade(tools, coding)
    },
  },
  {
    id: 'answers-04',
    contract: 'A labelled stream goes out as it is.',
    async run(tools) {
      for (const coding of ['gzip', 'br', 'zstd']) await asMade(tools, coding, '?how=stream')
    },
  },
  {
    id: 'answers-05',
    contract: 'A label that is set on an answer that is there already is kept, with status and headers.',
    async run(tools) {
      for (const coding of ['gzip', 'br']) {
        await asMade(tools, coding, '?how=later')
        const answer = await tools.fetch(`/do/labelled/${coding}?how=later`)
        equal(
          [answer.status, answer.headers.get('x-after'), await answer.text()],
          [201, 'yes', PACKED_TEXT],
          coding,
        )
      }
    },
  },
  {
    id: 'answers-06',
    contract: 'A clone of a labelled answer goes out as it is.',
    async run(tools) {
      for (const coding of ['gzip', 'br']) await asMade(tools, coding, '?how=clone')
    },
  },
  {
    id: 'answers-07',
    contract: 'An answer that the app sends through a CompressionStream and labels decodes at the client.',
    async run(tools) {
      const answer = await tools.fetch('/do/labelled/gzip?how=compressed')
      equal([answer.headers.get('content-encoding'), await answer.text()], ['gzip', PACKED_TEXT], 'answer')
    },
  },
  {
    id: 'answers-08',
    contract: 'HEAD of a labelled answer has its label and no body.',
    async run(tools) {
      const answer = await tools.raw({ method: 'HEAD', path: '/do/labelled/gzip' })
      equal(
        [answer.status, new Headers(answer.headers).get('content-encoding'), answer.body.length],
        [200, 'gzip', 0],
        'answer',
      )
    },
  },
  {
    id: 'answers-09',
    contract: 'A labelled answer that was put into a cache comes out of it as it was.',
    async run(tools) {
      for (const coding of ['gzip', 'br', 'zstd'])
        await asMade(tools, coding, `?how=cached&key=${tools.key(coding)}`)
    },
  },
  {
    id: 'answers-10',
    contract: 'A labelled stream is sent as it comes: the client has the head before the first chunk.',
    needs: 'response.streaming',
    async run(tools) {
      const connection = await tools.open({ path: `/do/labelled/gzip?how=late&key=${tools.key()}` })
      ok(await connection.sees('\r\n\r\n', 20), 'the head came before the first chunk')
      await tools.note(tools.key(), 'go')
      equal(new Uint8Array((await connection.response()).body), packed('gzip'), 'body')
    },
    async without(tools) {
      await tools.note(tools.key(), 'go')
      await asMade(tools, 'gzip', `?how=late&key=${tools.key()}`)
    },
  },
])
