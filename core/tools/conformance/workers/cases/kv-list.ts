import { ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

export const KV_LIST: WorkerCase[] = workerCases('kv', [
  [
    '29',
    'list: keys in order, with metadata where there is one',
    async ({ env, key }) => {
      await env.KV.put(key('b'), '1')
      await env.KV.put(key('a'), '2', { metadata: { m: 1 } })
      equal(await env.KV.list({ prefix: key('') }), {
        keys: [{ name: key('a'), metadata: { m: 1 } }, { name: key('b') }],
        list_complete: true,
        cacheStatus: null,
      })
    },
  ],
  [
    '30',
    'list of a prefix that nothing has',
    async ({ env, key }) =>
      equal(await env.KV.list({ prefix: key() }), { keys: [], list_complete: true, cacheStatus: null }),
  ],
  [
    '31',
    'list in pages, each key once',
    async ({ env, key }) => {
      for (const letter of 'abcde') await env.KV.put(key(letter), letter)
      const names: string[] = []
      let pages = 0
      let cursor: string | undefined
      do {
        const page = (await env.KV.list({
          prefix: key(''),
          limit: 2,
          ...(cursor === undefined ? {} : { cursor }),
        })) as {
          keys: { name: string }[]
          list_complete: boolean
          cursor?: string
        }
        names.push(...page.keys.map(({ name }) => name))
        equal(page.list_complete, page.cursor === undefined)
        cursor = page.cursor
        pages++
      } while (cursor !== undefined)
      equal(names, ['a', 'b', 'c', 'd', 'e'].map(key))
      equal(pages, 3)
    },
  ],
  [
    '32',
    'list in the order of bytes',
    async ({ env, key }) => {
      for (const name of ['a', 'B', 'ä', '😀', '\uffee', '1']) await env.KV.put(key(name), 'x')
      equal(
        (await env.KV.list({ prefix: key('') })).keys.map(({ name }) => name),
        ['1', 'B', 'a', 'ä', '\uffee', '😀'].map(key),
      )
    },
  ],
  [
    '33',
    'a limit over 1,000 is refused',
    async ({ env }) => {
      await throwsText(
        'KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.',
        () => env.KV.list({ limit: 1001 }),
      )
    },
  ],
  [
    '34',
    'a prefix with the signs of patterns is text',
    async ({ env, key }) => {
      await env.KV.put(key('a_b'), '1')
      await env.KV.put(key('axb'), '2')
      await env.KV.put(key('a%b'), '3')
      equal((await env.KV.list({ prefix: key('a_') })).keys.length, 1)
      equal((await env.KV.list({ prefix: key('a%') })).keys.length, 1)
      equal((await env.KV.list({ prefix: key('A') })).keys.length, 0)
    },
  ],
  [
    '35',
    'two namespaces are apart',
    async ({ env, key }) => {
      await env.KV.put(key(), 'one')
      equal(await env.OTHER_KV.get(key()), null)
    },
  ],
  [
    '36',
    'get of several keys is a Map, null where there is none',
    async ({ env, key }) => {
      await env.KV.put(key('a'), '1')
      const found = await env.KV.get([key('a'), key('b')])
      ok(found instanceof Map, 'a Map')
      equal(
        found,
        new Map([
          [key('a'), '1'],
          [key('b'), null],
        ]),
      )
    },
  ],
  [
    '37',
    'get of several keys as json',
    async ({ env, key }) => {
      await env.KV.put(key('a'), '{"n":1}')
      equal(await env.KV.get([key('a')], 'json'), new Map([[key('a'), { n: 1 }]]))
    },
  ],
  [
    '38',
    'getWithMetadata of several keys',
    async ({ env, key }) => {
      await env.KV.put(key('a'), '1', { metadata: { m: 2 } })
      const found = await env.KV.getWithMetadata([key('a'), key('b')])
      equal(found.get(key('a')), { value: '1', metadata: { m: 2 } })
      equal(found.get(key('b'))?.value ?? null, null)
    },
  ],
  [
    '39',
    'more than 100 keys at once are refused',
    async ({ env, key }) =>
      throwsText('You can request a maximum of 100 keys', () =>
        env.KV.get(Array.from({ length: 101 }, (_, index) => key(String(index)))),
      ),
  ],
  [
    '40',
    'several keys only as text or json',
    async ({ env, key }) =>
      throwsText('"arrayBuffer" is not a valid type. Use "json" or "text"', () =>
        env.KV.get([key()], 'arrayBuffer' as 'text'),
      ),
  ],
])
