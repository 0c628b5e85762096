import { equal, ok, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import type { BlobStore, BlobListOptions } from '../../../bindings/blob.ts'

async function putAll(blobs: BlobStore, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 50)
    await Promise.all(keys.slice(at, at + 50).map((key) => blobs.put(key, 'x')))
}

/** Returns all blob keys and prefixes below a prefix, page by page, with the prefix removed. */
async function listAll(
  blobs: BlobStore,
  options: BlobListOptions & { prefix: string },
): Promise<{ keys: string[]; prefixes: string[]; pages: number }> {
  const all = { keys: [] as string[], prefixes: [] as string[], pages: 0 }
  let cursor: string | undefined
  do {
    const { startAfter: _first, ...rest } = options
    const page = await blobs.list(cursor === undefined ? options : { ...rest, cursor })
    all.keys.push(...page.blobs.map(({ key }) => key.slice(options.prefix.length)))
    all.prefixes.push(...page.prefixes.map((prefix) => prefix.slice(options.prefix.length)))
    all.pages++
    ok(
      page.blobs.length + page.prefixes.length <= (options.limit ?? 1000),
      `a page of ${page.blobs.length + page.prefixes.length} is over its limit`,
    )
    equal(page.complete, page.cursor === undefined, 'complete, where there is no cursor')
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}

export const blobListCases = insideCases('blob', [
  {
    id: 'blob-30',
    contract: 'Blobs list in the order of the UTF-8 bytes of their keys.',
    async run({ env, key }) {
      const ordered = [' ', 'A', 'Z', 'a', 'a/b', 'aa', 'z', 'é', '\uff61', '😀', '\u{10ffff}']
      await putAll(
        env.blob,
        ordered.toReversed().map((name) => key(name)),
      )
      equal((await listAll(env.blob, { prefix: key('') })).keys, ordered, 'order')
      equal((await listAll(env.blob, { prefix: key(''), limit: 2 })).keys, ordered, 'order over pages')
    },
  },
  {
    id: 'blob-31',
    contract: 'A prefix is literal.',
    async run({ env, key }) {
      const all = ['%a', '*a', '[a]', '_a', 'a/b', 'a/c', 'xa']
      await putAll(
        env.blob,
        all.map((name) => key(name)),
      )
      for (const prefix of ['%', '*', '[a', '_', 'a/', 'x']) {
        equal(
          (await env.blob.list({ prefix: key(prefix) })).blobs.map((blob) => blob.key),
          all.filter((name) => name.startsWith(prefix)).map((name) => key(name)),
          `prefix ${prefix}`,
        )
      }
      equal((await env.blob.list({ prefix: key('nothing') })).blobs, [], 'a prefix that matches nothing')
      await throwsCode('InvalidArgument', () => env.blob.list({ prefix: '\ud83d' }))
    },
  },
  {
    id: 'blob-32',
    contract: 'A delimiter groups keys below a prefix into prefixes, each once.',
    async run({ env, key }) {
      await putAll(
        env.blob,
        ['a', 'b/1', 'b/2', 'b/c/3', 'd/4', 'e', 'f//g'].map((name) => key(name)),
      )
      const top = await env.blob.list({ prefix: key(''), delimiter: '/' })
      equal(
        [top.blobs.map((blob) => blob.key), top.prefixes],
        [['a', 'e'].map((name) => key(name)), ['b/', 'd/', 'f/'].map((name) => key(name))],
        'top',
      )
      const below = await env.blob.list({ prefix: key('b/'), delimiter: '/' })
      equal(
        [below.blobs.map((blob) => blob.key), below.prefixes],
        [['b/1', 'b/2'].map((name) => key(name)), [key('b/c/')]],
        'below b/',
      )
      equal((await env.blob.list({ prefix: key('f/'), delimiter: '/' })).prefixes, [key('f//')], 'below f/')
      equal(
        (await env.blob.list({ prefix: key(''), delimiter: '/c/' })).prefixes,
        [key('b/c/')],
        'a delimiter of three characters',
      )
    },
  },
  {
    id: 'blob-33',
    contract: '1,001 blobs page without a gap or a double, at most 1,000 to a page.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key }) {
      const all = Array.from({ length: 1001 }, (_, index) => String(index).padStart(4, '0'))
      await putAll(
        env.blob,
        all.map((name) => key(name)),
      )
      const listed = await listAll(env.blob, { prefix: key('') })
      equal(listed.keys, all, 'by default pages')
      ok(listed.pages >= 2, `1,001 blobs came in ${listed.pages} page`)
      equal((await listAll(env.blob, { prefix: key(''), limit: 334 })).keys, all, 'by 334')
      await throwsCode('LimitExceeded', () => env.blob.list({ limit: 1001 }), {
        limit: 'blob.list',
        max: 1000,
      })
      for (const limit of [0, -1, 1.5]) await throwsCode('InvalidArgument', () => env.blob.list({ limit }))
      await env.blob.delete(all.slice(0, 1000).map((name) => key(name)))
      equal((await listAll(env.blob, { prefix: key('') })).keys, ['1000'], 'after deleting 1,000 at once')
      await throwsCode('LimitExceeded', () => env.blob.delete(all.map((name) => key(name))), {
        limit: 'blob.deleteMany',
        actual: 1001,
        max: 1000,
      })
    },
  },
  {
    id: 'blob-34',
    contract:
      'While paging, inserts around the cursor and the removal of its key leave every untouched blob ' +
      'listed exactly once.',
    async run({ env, key }) {
      const all = Array.from({ length: 12 }, (_, index) => `k${String(index).padStart(2, '0')}`)
      await putAll(
        env.blob,
        all.map((name) => key(name)),
      )
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await env.blob.list({
          prefix: key(''),
          limit: 4,
          ...(cursor === undefined ? {} : { cursor }),
        })
        seen.push(...page.blobs.map((blob) => blob.key.slice(key('').length)))
        cursor = page.cursor
        if (seen.at(-1) === 'k03')
          await Promise.all([
            env.blob.delete(key('k03')),
            env.blob.put(key('k01a'), 'x'),
            env.blob.put(key('k05a'), 'x'),
          ])
      } while (cursor !== undefined)
      equal(
        seen.filter((name) => all.includes(name)),
        all,
        'untouched blobs',
      )
      equal(new Set(seen).size, seen.length, 'names without doubles')
    },
  },
  {
    id: 'blob-35',
    contract: 'startAfter is exclusive, and need not name a blob.',
    async run({ env, key }) {
      await putAll(
        env.blob,
        ['a', 'b', 'c', 'd'].map((name) => key(name)),
      )
      const after = async (name: string, limit?: number): Promise<string[]> =>
        (
          await listAll(env.blob, {
            prefix: key(''),
            startAfter: key(name),
            ...(limit === undefined ? {} : { limit }),
          })
        ).keys
      equal(
        [await after('b'), await after('bb'), await after('d'), await after('a', 1)],
        [['c', 'd'], ['c', 'd'], [], ['b', 'c', 'd']],
        'keys after',
      )
    },
  },
  {
    id: 'blob-36',
    contract: 'A page that ends within a group of a delimiter does not list the group twice.',
    async run({ env, key }) {
      await putAll(
        env.blob,
        ['a/1', 'a/2', 'a/3', 'b', 'c/1', 'c/2', 'd'].map((name) => key(name)),
      )
      for (const limit of [1, 2, 3]) {
        const listed = await listAll(env.blob, { prefix: key(''), delimiter: '/', limit })
        equal(
          [listed.keys, listed.prefixes],
          [
            ['b', 'd'],
            ['a/', 'c/'],
          ],
          `by ${limit}`,
        )
      }
    },
  },
  {
    id: 'blob-37',
    contract: 'A cursor that no list gave is InvalidArgument.',
    async run({ env, key }) {
      for (const cursor of ['garbage', '', 5 as never])
        await throwsCode('InvalidArgument', () => env.blob.list({ prefix: key(''), cursor }))
    },
  },
  {
    id: 'blob-38',
    contract: 'Removing many removes those that exist, once, and minds no missing or doubled key.',
    async run({ env, key }) {
      await putAll(
        env.blob,
        ['a', 'b', 'c'].map((name) => key(name)),
      )
      await env.blob.delete([key('a'), key('missing'), key('c'), key('a')])
      equal((await listAll(env.blob, { prefix: key('') })).keys, ['b'], 'left')
    },
  },
])
