import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

type Condition = Record<string, unknown>
const SOON = 100_000

/** Resolves to true if a get of the R2 object with this condition returns a body. */
async function passes({ env, key }: WorkerTools, onlyIf: Condition | Headers): Promise<boolean> {
  const object = await env.BUCKET.get(key(), { onlyIf: onlyIf as never })
  return object !== null && 'body' in object
}

async function put({ env, key }: WorkerTools): Promise<{ etag: string; uploaded: Date }> {
  return env.BUCKET.put(key(), 'hello')
}

async function range({ env, key }: WorkerTools, wanted: object): Promise<[unknown, string]> {
  const object = await env.BUCKET.get(key(), { range: wanted as never })
  return [object?.range, (await object?.text()) ?? '']
}

const rangeCase = (
  number: string,
  contract: string,
  wanted: () => object,
  offset: number,
  text: string,
): [string, string, WorkerCase['run']] => [
  number,
  contract,
  async (tools) => {
    await put(tools)
    equal(await range(tools, wanted()), [{ offset, length: text.length }, text])
  },
]

export const R2_CONDITIONS: WorkerCase[] = workerCases('r2', [
  [
    '30',
    'get onlyIf etagMatches',
    async (tools) => {
      const { etag } = await put(tools)
      equal(
        [
          await passes(tools, { etagMatches: etag }),
          await passes(tools, { etagMatches: 'other' }),
          await passes(tools, { etagMatches: '*' }),
        ],
        [true, false, true],
      )
    },
  ],
  [
    '31',
    'get onlyIf etagDoesNotMatch',
    async (tools) => {
      const { etag } = await put(tools)
      equal(
        [
          await passes(tools, { etagDoesNotMatch: etag }),
          await passes(tools, { etagDoesNotMatch: 'other' }),
          await passes(tools, { etagDoesNotMatch: '*' }),
        ],
        [false, true, false],
      )
    },
  ],
  [
    '32',
    'get onlyIf uploadedBefore and uploadedAfter',
    async (tools) => {
      await put(tools)
      const before = new Date(1e12)
      const after = new Date(Date.now() + SOON)
      equal(
        [await passes(tools, { uploadedBefore: after }), await passes(tools, { uploadedBefore: before })],
        [true, false],
      )
      equal(
        [await passes(tools, { uploadedAfter: before }), await passes(tools, { uploadedAfter: after })],
        [true, false],
      )
    },
  ],
  [
    '33',
    'an etag that holds goes before a date that does not',
    async (tools) => {
      const { etag } = await put(tools)
      equal(await passes(tools, { etagMatches: etag, uploadedBefore: new Date(1e12) }), true)
      equal(
        await passes(tools, { etagDoesNotMatch: 'other', uploadedAfter: new Date(Date.now() + SOON) }),
        true,
      )
    },
  ],
  [
    '34',
    'the very time of the upload is neither before nor after, by the second with secondsGranularity',
    async (tools) => {
      const answered = (await put(tools)).uploaded
      // R2's `head` returns the upload time of the object itself. A store that counts whole seconds may
      // return the time of its answer to the put instead, which is no earlier.
      const { uploaded } = (await tools.env.BUCKET.head(tools.key())) as { uploaded: Date }
      if (uploaded.getTime() % 1000 === 0)
        ok(answered >= uploaded, `a put at ${answered.toISOString()} of ${uploaded.toISOString()}`)
      else equal(answered, uploaded)
      equal(
        [await passes(tools, { uploadedBefore: uploaded }), await passes(tools, { uploadedAfter: uploaded })],
        [false, false],
      )
      const second = new Date(Math.floor(uploaded.getTime() / 1000) * 1000)
      equal(await passes(tools, { uploadedAfter: second, secondsGranularity: true }), false)
    },
  ],
  [
    '35',
    'a condition that fails gives the object without its body',
    async (tools) => {
      const { etag } = await put(tools)
      const object = (await tools.env.BUCKET.get(tools.key(), { onlyIf: { etagDoesNotMatch: etag } })) as {
        key: string
        size: number
        etag: string
      }
      equal([object.key, object.size, object.etag, 'body' in object], [tools.key(), 5, etag, false])
    },
  ],
  [
    '36',
    'a condition on a missing key is null',
    async ({ env, key }) => equal(await env.BUCKET.get(key(), { onlyIf: { etagMatches: 'x' } }), null),
  ],
  [
    '37',
    'conditions as headers: If-None-Match, weak too, and lists',
    async (tools) => {
      const { etag } = await put(tools)
      equal(await passes(tools, new Headers({ 'if-none-match': `"${etag}"` })), false)
      equal(await passes(tools, new Headers({ 'if-none-match': `W/"${etag}"` })), false)
      equal(await passes(tools, new Headers({ 'if-match': `"other", "${etag}"` })), true)
      equal(await passes(tools, new Headers({ 'if-none-match': '"other"' })), true)
    },
  ],
  [
    '38',
    'conditions as headers: dates',
    async (tools) => {
      await put(tools)
      equal(await passes(tools, new Headers({ 'if-modified-since': new Date(1e12).toUTCString() })), true)
      equal(
        await passes(tools, new Headers({ 'if-modified-since': new Date(Date.now() + SOON).toUTCString() })),
        false,
      )
      equal(await passes(tools, new Headers({ 'if-unmodified-since': new Date(1e12).toUTCString() })), false)
    },
  ],
  [
    '39',
    'an etag in quotes is refused',
    async (tools) => {
      const { etag } = await put(tools)
      await throwsText(
        'Conditional ETag should not be wrapped in quotes',
        () => passes(tools, { etagMatches: `"${etag}"` }),
        'TypeError',
      )
    },
  ],
  [
    '40',
    'put onlyIf etagMatches writes over that object only',
    async (tools) => {
      const { env, key } = tools
      const { etag } = await put(tools)
      equal(await env.BUCKET.put(key(), 'no', { onlyIf: { etagMatches: 'other' } }), null)
      equal(await (await env.BUCKET.get(key()))?.text(), 'hello')
      const object = await env.BUCKET.put(key(), 'yes', { onlyIf: { etagMatches: etag } })
      equal([object?.size, await (await env.BUCKET.get(key()))?.text()], [3, 'yes'])
    },
  ],
  [
    '41',
    'put onlyIf etagDoesNotMatch * stores only where there is none',
    async ({ env, key }) => {
      equal((await env.BUCKET.put(key(), 'first', { onlyIf: { etagDoesNotMatch: '*' } }))?.size, 5)
      equal(await env.BUCKET.put(key(), 'second', { onlyIf: { etagDoesNotMatch: '*' } }), null)
    },
  ],
  [
    '42',
    'put onlyIf etagMatches of a missing key writes nothing',
    async ({ env, key }) => {
      equal(await env.BUCKET.put(key(), 'x', { onlyIf: { etagMatches: '*' } }), null)
      equal(await env.BUCKET.head(key()), null)
    },
  ],
  [
    '43',
    'put onlyIf with dates',
    async (tools) => {
      const { env, key } = tools
      await put(tools)
      equal(await env.BUCKET.put(key(), 'no', { onlyIf: { uploadedBefore: new Date(1e12) } }), null)
      equal((await env.BUCKET.put(key(), 'yes', { onlyIf: { uploadedAfter: new Date(1e12) } }))?.size, 3)
    },
  ],
  [
    '44',
    'of puts at once on one condition, one wins',
    async (tools) => {
      const { env, key } = tools
      const { etag } = await put(tools)
      const results = await Promise.all(
        ['a', 'b', 'c', 'd'].map((text) => env.BUCKET.put(key(), text, { onlyIf: { etagMatches: etag } })),
      )
      equal(results.filter((object) => object !== null).length, 1)
    },
  ],
  rangeCase('50', 'range with an offset', () => ({ offset: 1 }), 1, 'ello'),
  rangeCase('51', 'range with offset and length', () => ({ offset: 1, length: 2 }), 1, 'el'),
  rangeCase('52', 'range with a length', () => ({ length: 2 }), 0, 'he'),
  rangeCase('53', 'range with a suffix', () => ({ suffix: 2 }), 3, 'lo'),
  rangeCase('54', 'a length past the end is cut', () => ({ offset: 1, length: 100 }), 1, 'ello'),
  rangeCase('55', 'a suffix longer than the object is all of it', () => ({ suffix: 100 }), 0, 'hello'),
  rangeCase('56', 'a Range header', () => new Headers({ range: 'bytes=1-2' }), 1, 'el'),
  rangeCase('57', 'a Range header with a suffix', () => new Headers({ range: 'bytes=-2' }), 3, 'lo'),
  rangeCase('58', 'a Range header without an end', () => new Headers({ range: 'bytes=2-' }), 2, 'llo'),
  rangeCase(
    '59',
    'a Range header that cannot be met gives all',
    () => new Headers({ range: 'bytes=9-' }),
    0,
    'hello',
  ),
  rangeCase(
    '60',
    'several ranges in a header give all',
    () => new Headers({ range: 'bytes=0-0,2-3' }),
    0,
    'hello',
  ),
  rangeCase(
    '61',
    'a Range header that is none gives all',
    () => new Headers({ range: 'nonsense' }),
    0,
    'hello',
  ),
  [
    '62',
    'a range that begins at or after the end is refused',
    async (tools) => {
      await put(tools)
      for (const wanted of [{ offset: 5 }, { offset: 9 }, { suffix: 0 }, { offset: 0, length: 0 }])
        await throwsText('get: The requested range is not satisfiable (10039)', () => range(tools, wanted))
    },
  ],
  [
    '63',
    'a negative range is a RangeError',
    async (tools) => {
      await put(tools)
      await throwsText(
        'Starting offset (-1) must be greater than or equal to 0.',
        () => range(tools, { offset: -1 }),
        'RangeError',
      )
      await throwsText(
        'Length (-1) must be greater than or equal to 0.',
        () => range(tools, { length: -1 }),
        'RangeError',
      )
    },
  ],
  [
    '64',
    'without a range it is the whole',
    async (tools) => {
      await put(tools)
      const object = await tools.env.BUCKET.get(tools.key())
      equal(object?.range, { offset: 0, length: 5 })
      await object?.text()
    },
  ],
  [
    '65',
    'size is that of the whole object, whatever the range',
    async (tools) => {
      await put(tools)
      equal((await tools.env.BUCKET.get(tools.key(), { range: { offset: 2 } }))?.size, 5)
    },
  ],
])
