import { equal, eventually, ok, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import { names, putAll } from './kv-tools.ts'

export const kvListCases = insideCases('kv', [
  {
    id: 'kv-18',
    contract: 'Keys list in the order of their UTF-8 bytes, not of UTF-16 units.',
    async run({ env, key }) {
      const ordered = [
        '\0',
        ' ',
        'A',
        'Z',
        'a',
        'a/b',
        'aa',
        'z',
        'é',
        '\uff61',
        '\uffee',
        '\u{10000}',
        '😀',
        '\u{10ffff}',
      ]
      await putAll(
        env.kv,
        ordered.toReversed().map((name) => key(name)),
      )
      await eventually(async () => equal(await names(env.kv, key('')), ordered, 'order'))
      equal(await names(env.kv, key(''), 3), ordered, 'order over pages')
    },
  },
  {
    id: 'kv-19',
    contract:
      'A prefix is literal: the whole key, one that ends with U+10FFFF, and with %, _, *, [ and ? in it.',
    async run({ env, key }) {
      const all = ['%a', '*a', '?a', '[a]', '[a]b', '_a', 'xa', 'y\u{10ffff}', 'y\u{10ffff}z', 'z']
      await putAll(
        env.kv,
        all.map((name) => key(name)),
      )
      await eventually(async () => equal((await names(env.kv, key(''))).length, all.length, 'count'))
      for (const prefix of all) {
        equal(
          (await env.kv.list({ prefix: key(prefix) })).keys.map(({ name }) => name),
          all.filter((name) => name.startsWith(prefix)).map((name) => key(name)),
          `prefix ${prefix}`,
        )
      }
      equal((await env.kv.list({ prefix: key('nothing') })).keys, [], 'a prefix that matches nothing')
      ok((await env.kv.list()).keys.length >= all.length, 'no prefix lists all keys')
    },
  },
  {
    id: 'kv-20',
    contract: '1,001 keys page without a gap or a double; the last page is complete and has no cursor.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key }) {
      const all = Array.from({ length: 1001 }, (_, index) => String(index).padStart(4, '0'))
      await putAll(
        env.kv,
        all.map((name) => key(name)),
      )
      await eventually(async () => equal((await names(env.kv, key(''))).length, 1001, 'count'))
      equal(await names(env.kv, key('')), all, 'by default pages')
      equal(await names(env.kv, key(''), 999), all, 'by 999')
      equal(
        await names(env.kv, key('000'), 1),
        all.slice(0, 10).map((name) => name.slice(3)),
        'by 1',
      )
      equal(
        await names(env.kv, key('000'), 2),
        all.slice(0, 10).map((name) => name.slice(3)),
        'by 2',
      )
      await throwsCode('LimitExceeded', () => env.kv.list({ limit: 1001 }), { limit: 'kv.list', max: 1000 })
      for (const limit of [0, -1, 1.5, '5' as never])
        await throwsCode('InvalidArgument', () => env.kv.list({ limit }))
    },
  },
  {
    id: 'kv-21',
    contract:
      'While paging, inserts around the cursor and the removal of its key leave every untouched key ' +
      'listed exactly once.',
    async run({ env, key }) {
      const all = Array.from({ length: 20 }, (_, index) => `k${String(index).padStart(2, '0')}`)
      await putAll(
        env.kv,
        all.map((name) => key(name)),
      )
      await eventually(async () => equal((await names(env.kv, key(''))).length, 20, 'count'))
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await env.kv.list({
          prefix: key(''),
          limit: 5,
          ...(cursor === undefined ? {} : { cursor }),
        })
        seen.push(...page.keys.map(({ name }) => name.slice(key('').length)))
        cursor = page.cursor
        const last = seen.at(-1) as string
        if (last === 'k04')
          await Promise.all([
            env.kv.delete(key('k04')),
            env.kv.put(key('k02a'), 'x'),
            env.kv.put(key('k07a'), 'x'),
          ])
      } while (cursor !== undefined)
      equal(
        seen.filter((name) => all.includes(name)),
        all,
        'untouched keys',
      )
      equal(new Set(seen).size, seen.length, 'names without doubles')
    },
  },
  {
    id: 'kv-22',
    contract: 'A cursor that no list gave is InvalidArgument.',
    async run({ env, key }) {
      for (const cursor of ['garbage', '', 'eyJ4IjoxfQ==', '\u0000', 5 as never])
        await throwsCode('InvalidArgument', () => env.kv.list({ prefix: key(''), cursor }))
    },
  },
  {
    id: 'kv-24',
    contract:
      'getMany gives up to 100 values in the order asked, null for missing ones; 101 keys are LimitExceeded.',
    async run({ env, key }) {
      await Promise.all([
        env.kv.put(key('a'), 'A'),
        env.kv.put(key('b'), ''),
        env.kv.put(key('c'), '{"c":1}'),
      ])
      await eventually(async () => {
        equal(
          await env.kv.getMany([key('b'), key('none'), key('a')]),
          new Map([
            [key('b'), ''],
            [key('none'), null],
            [key('a'), 'A'],
          ]),
          'values',
        )
      })
      equal(
        await env.kv.getMany([key('c'), key('none')], 'json'),
        new Map([
          [key('c'), { c: 1 }],
          [key('none'), null],
        ]),
        'json',
      )
      equal(await env.kv.getMany([]), new Map(), 'of no keys')
      const hundred = Array.from({ length: 100 }, (_, index) => key(`n${index}`))
      equal((await env.kv.getMany(hundred)).size, 100, 'size')
      await throwsCode('LimitExceeded', () => env.kv.getMany([...hundred, key('one more')]), {
        limit: 'kv.getMany',
        actual: 101,
        max: 100,
      })
    },
  },
  {
    id: 'kv-28',
    contract: "Two namespaces never see each other's keys.",
    async run({ env, key, settles }) {
      await env.kv.put(key('same'), 'one')
      await env.otherKv.put(key('same'), 'two')
      await env.otherKv.put(key('other'), 'two')
      await settles(() => env.kv.get(key('same')), 'one')
      await settles(() => env.otherKv.get(key('same')), 'two')
      await eventually(async () =>
        equal(
          [await names(env.kv, key('')), await names(env.otherKv, key(''))],
          [['same'], ['other', 'same']],
          'lists',
        ),
      )
      await env.otherKv.delete(key('same'))
      await settles(() => env.kv.get(key('same')), 'one')
    },
  },
])
