/** Cases about a content-length header that the app sets: it is ignored if the body's length is known. */
import { equal, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'

/** Values of the header content-length that are too long, too short, or no length at all. */
const VALUES = ['99', '2', '0', 'None', '-1', '5.5', '5, 7', '0x5', '']

/**
 * Fails unless an answer's whole body arrives, framed as HTTP requires, for each wrong content-length of the
 * app.
 */
async function whole(tools: WireTools, body: string, expected: string, more = ''): Promise<void> {
  for (const value of VALUES) {
    const path = `/do/length/${body}?value=${encodeURIComponent(value)}${more}`
    const answer = await tools.raw({ path })
    equal(
      [answer.status, new TextDecoder().decode(answer.body), answer.complete],
      [200, expected, true],
      `${body}, content-length ${JSON.stringify(value)}`,
    )
    const lengths = answer.headers.filter(([name]) => name === 'content-length').map(([, found]) => found)
    ok(
      lengths.length === 0 || (lengths.length === 1 && lengths[0] === String(expected.length)),
      `${body} came with content-length ${JSON.stringify(lengths)}`,
    )
  }
}

const BODIES: readonly (readonly [
  id: string,
  body: string,
  what: string,
  expected: string,
  more?: string,
])[] = [
  ['answers-20', 'text', 'text', 'hello'],
  ['answers-21', 'bytes', 'bytes', 'hello'],
  ['answers-22', 'buffer', 'an ArrayBuffer', 'hello'],
  ['answers-23', 'blob', 'a Blob', 'hello'],
  ['answers-24', 'form', 'URLSearchParams', 'hello='],
  ['answers-25', 'json', 'Response.json', '"hello"'],
  ['answers-26', 'empty', 'an empty text', ''],
  ['answers-27', 'none', 'no body', ''],
  ['answers-28', 'text', 'the body of another Response of text', 'hello', '&form=again'],
  ['answers-29', 'bytes', 'a clone', 'hello', '&form=clone'],
  ['answers-30', 'now', 'a stream that has ended by the end of the turn', 'hello'],
]

export const lengthCases = wireCases('answers', [
  ...BODIES.map(([id, body, what, expected, more]) => ({
    id,
    contract: `A content-length of the app's is ignored with ${what}, whatever it says.`,
    run: (tools: WireTools) => whole(tools, body, expected, more),
  })),
  {
    id: 'answers-31',
    contract: 'A content-length that is no number is ignored with a stream, too.',
    async run(tools) {
      for (const value of ['None', '-1', '5.5', '']) {
        await tools.note(tools.key(), 'go')
        const path = `/do/promised/${tools.key()}?bytes=5&length=${encodeURIComponent(value)}`
        const answer = await tools.raw({ path })
        equal(
          [answer.status, new TextDecoder().decode(answer.body), answer.complete],
          [200, 'xxxxx', true],
          JSON.stringify(value),
        )
      }
    },
  },
  {
    id: 'answers-32',
    contract: 'A content-length that a late stream keeps does no harm.',
    async run(tools) {
      await tools.note(tools.key(), 'go')
      const answer = await tools.raw({ path: `/do/promised/${tools.key()}?bytes=5&length=5` })
      equal([answer.status, answer.body.length, answer.complete], [200, 5, true], 'answer')
    },
  },
  {
    id: 'answers-33',
    contract: 'A content-length that a late stream does not keep harms no other request.',
    async run(tools) {
      for (const [bytes, length] of [
        [5, 99],
        [5, 2],
      ]) {
        const key = tools.key(`${bytes}-${length}`)
        await tools.note(key, 'go')
        await tools.raw({ path: `/do/promised/${key}?bytes=${bytes}&length=${length}` }).catch(() => {})
        equal((await tools.fetch('/after')).status, 200, 'the next request')
      }
    },
  },
  {
    id: 'answers-34',
    contract: 'HEAD has the length that GET has, or none, whatever length the app gives a body.',
    async run(tools) {
      for (const body of ['text', 'bytes', 'blob', 'json'])
        for (const value of ['99', 'None']) {
          const answer = await tools.raw({ method: 'HEAD', path: `/do/length/${body}?value=${value}` })
          const length = new Headers(answer.headers).get('content-length')
          ok(
            length === null || length === (body === 'json' ? '7' : '5'),
            `HEAD of ${body} with ${value} came with content-length ${length}`,
          )
        }
    },
  },
  {
    id: 'answers-35',
    contract: 'HEAD with a length and no body keeps the length; one that is no number is left out.',
    async run(tools) {
      const of = async (value: string): Promise<string | null> => {
        const answer = await tools.raw({ method: 'HEAD', path: `/do/length/none?value=${value}` })
        equal(answer.status, 200, 'status')
        return new Headers(answer.headers).get('content-length')
      }
      equal([await of('77'), await of('None')], ['77', null], 'lengths')
    },
  },
])
