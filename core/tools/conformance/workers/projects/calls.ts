import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

async function json(site: Site, path: string): Promise<unknown> {
  return JSON.parse(await site.text(path)) as unknown
}

/** Cases about calls between Worker entrypoints through workerd's stubs and promises. */
const CALLS: ProjectCase[] = projectCases(
  {
    wrangler: {
      name: 'calls-fixture',
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      services: [{ binding: 'SHOP', service: 'calls-fixture', entrypoint: 'Shop' }],
    },
    files: {
      'src/index.js': `
import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers'
class Cart extends RpcTarget {
  #items = []
  hidden = 'own'
  add(name) { return this.#items.push(name) }
  get items() { return this.#items }
  empty() { throw new RangeError('it is empty') }
  twin() { return new Cart() }
}
export class Shop extends WorkerEntrypoint {
  get open() { return true }
  cart() { return new Cart() }
  all() { return { list: [1, { deep: 'x' }], cart: new Cart(), double: (n) => n * 2, once: new Map([['a', 1]]) } }
  async call(callback, given) { return [await callback(2), await given.add('theirs')] }
  fails() { throw new RangeError('no') }
}
const paths = {
  async '/chained'({ SHOP }) {
    return [await SHOP.cart().add('a'), await SHOP.cart().items, await SHOP.cart().twin().twin().add('b')]
  },
  async '/within'({ SHOP }) {
    const { list, cart, double, once } = await SHOP.all()
    await cart.add('x')
    return [list, await cart.items, await double(21), once.get('a'), await SHOP.all().list, await SHOP.all().double(4)]
  },
  async '/disposed'({ SHOP }) {
    {
      using cart = await SHOP.cart()
      await cart.add('a')
    }
    const cart = await SHOP.cart()
    const twin = cart.dup()
    cart[Symbol.dispose]()
    const size = await twin.add('b')
    twin[Symbol.dispose]()
    using all = await SHOP.all()
    return [size, Object.keys(all)]
  },
  async '/property'({ SHOP }) {
    return [await SHOP.open, typeof (await SHOP.cart)]
  },
  async '/given'({ SHOP }) {
    return SHOP.call((n) => n + 1, new Cart())
  },
  async '/errors'({ SHOP }) {
    const errors = [SHOP.fails(), SHOP.cart().empty(), SHOP.cart().hidden]
    return Promise.all(errors.map((one) => one.then(() => 'no error', (error) => [error.name, error.remote])))
  },
}
export default {
  async fetch(request, env) {
    return Response.json(await paths[new URL(request.url).pathname](env))
  },
}
`,
    },
  },
  [
    [
      '900',
      'a call is chained on before its result is there',
      async (site) => equal(await json(site, '/chained'), [1, [], 1]),
    ],
    [
      '901',
      'targets and functions within data are called where they are',
      async (site) =>
        equal(await json(site, '/within'), [[1, { deep: 'x' }], ['x'], 42, 1, [1, { deep: 'x' }], 8]),
    ],
    [
      '902',
      'stubs and results can be disposed of, and a stub has a twin that lives on',
      async (site) => equal(await json(site, '/disposed'), [1, ['list', 'cart', 'double', 'once']]),
    ],
    [
      '903',
      'a property of an entrypoint is read where it is awaited',
      async (site) => equal(await json(site, '/property'), [true, 'function']),
    ],
    [
      '904',
      'a function and a target that a caller gives are called back',
      async (site) => equal(await json(site, '/given'), [3, 1]),
    ],
    [
      '905',
      'an error of the other side says that it is remote',
      async (site) =>
        equal(((await json(site, '/errors')) as unknown[]).slice(0, 2), [
          ['RangeError', true],
          ['RangeError', true],
        ]),
    ],
  ],
)

/** Number of awaits in a row that the Worker's work takes, as in the code of renderers. */
const HOPS = 20

const OUTPUT: ProjectCase[] = projectCases(
  {
    wrangler: {
      name: 'output-fixture',
      main: 'dist/index.js',
      compatibility_date: '2026-07-01',
      vars: { GIVEN: 'given' },
    },
    files: {
      'dist/index.js': `
import { env as e } from 'cloudflare:workers'
const nameOf = (e) => e.shadowed + e.ALSO_SHADOWED
const library = (env) => env.lowerCase
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/env') {
      const made = Array.from({ length: 40 }, (_, n) => env['MADE_UP_' + n])
      return Response.json([nameOf({ shadowed: 'a', ALSO_SHADOWED: 'b' }), library({ lowerCase: 1 }), e.GIVEN,
        String(e.absent), String(env.MISSING), made.filter((one) => one !== undefined).length])
    }
    let settled = false
    const work = async () => { for (let hop = 0; hop < ${HOPS}; hop++) await null; settled = true }
    work()
    const stream = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode(settled ? 'settled' : 'fallback'))
        controller.close()
      },
    }, { highWaterMark: 0 })
    return new Response(stream)
  },
}
`,
    },
  },
  [
    [
      '906',
      "an answer's stream is asked for nothing before the promises of its handler have settled",
      async (site) => equal(await site.text('/stream'), 'settled'),
    ],
    [
      '907',
      'in code that a build wrote, only names that are sure to be of the env are told of',
      async (site, target) => {
        equal(await json(site, '/env'), ['ab', 1, 'given', 'undefined', 'undefined', 0])
        if (target === 'cloudflare') return
        for (const name of ['absent', 'MISSING'])
          equal(site.warnings.filter((text) => text.includes(` env.${name},`)).length, 1, name)
        for (const name of ['shadowed', 'ALSO_SHADOWED', 'lowerCase'])
          ok(!site.warnings.some((text) => text.includes(`env.${name}`)), name)
      },
    ],
    [
      '908',
      'names that code makes up are told of ten times at most',
      async (site, target) => {
        await site.text('/env')
        if (target === 'cloudflare') return
        const told = (): number => site.output.filter((line) => /^\W*env\.\w+ is read/.test(line)).length
        const isOver = (): boolean => site.output.some((line) => line.includes('More names of env are read'))
        const until = Date.now() + 10_000
        while (!isOver() && Date.now() < until) await new Promise((next) => void setTimeout(next, 20))
        ok(isOver(), 'the end of the names is told of')
        equal(told(), 10)
      },
    ],
  ],
)

/** Cases about calls between Worker entrypoints, and about code that other build tools wrote. */
export const CALL_CASES: readonly ProjectCase[] = [...CALLS, ...OUTPUT]
