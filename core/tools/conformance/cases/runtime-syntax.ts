/* oxlint-disable typescript/no-extraneous-class, eslint/no-unused-private-class-members -- classes are what
   these cases ask */
/* oxlint-disable typescript/unbound-method, typescript/await-thenable, unicorn/no-unnecessary-await -- and
   methods by themselves, and what waits for no promise */
/**
 * Cases about JavaScript syntax that a build may lower for a target: its meaning stays the same, names and
 * keys included.
 */
import { equal } from '../assert.ts'
import { insideCases } from '../case.ts'

/** Result of a top-level await, which a case compares. */
const waited = await Promise.resolve('waited')

let assigned: { readonly name: string }
assigned = class {
  static made = 1
}
const Expression = class {
  static made = 1
}
const Private = class {
  static #made = 1
  static has(value: object): boolean {
    return #made in value
  }
}
const Block = class {
  static seen = ''
  static {
    this.seen = this.name
  }
}
const holder = {
  Short: class {
    static made = 1
  },
  'with a space': class {
    static made = 1
  },
  waits: async (_one: unknown, _two: unknown): Promise<void> => {},
  ['computed'.toUpperCase()]: async (): Promise<void> => {},
  async method(_one: unknown): Promise<void> {},
}
class Member {
  field = async (_one: unknown): Promise<void> => {}
  declared: unknown
  async method(_one: unknown, _two: unknown): Promise<string> {
    return 'member'
  }
  static async own(): Promise<string> {
    return 'own'
  }
}
class Heir extends Member {
  override async method(one: unknown, two: unknown): Promise<string> {
    const inner = async (): Promise<string> => `${await super.method(one, two)} of heir`
    return inner()
  }
  static override async own(): Promise<string> {
    return `${await super.own()} of heir`
  }
}

async function* numbers(log: string[]): AsyncGenerator<unknown, string> {
  try {
    yield yield 1
    yield* [2, Promise.resolve(3)]
    return 'end'
  } finally {
    log.push('finally')
  }
}

export const syntaxCases = insideCases('runtime', [
  {
    id: 'runtime-68',
    contract: 'A class without a name has that of its constant or key, with static and private members too.',
    run() {
      equal(
        [assigned.name, Expression.name, Private.name, Private.has(Private), Block.name, Block.seen],
        ['assigned', 'Expression', 'Private', true, 'Block', 'Block'],
        'constants',
      )
      equal(
        Object.values(holder).map(({ name }) => name),
        Object.keys(holder),
        'keys',
      )
    },
  },
  {
    id: 'runtime-69',
    contract: 'Async functions keep their names and lengths, and as arrows and methods have no prototype.',
    run() {
      const { field } = new Member()
      const all = [holder.waits, holder.method, field, Member.prototype.method, Heir.own]
      equal(
        all.map(({ name, length }) => [name, length]),
        [
          ['waits', 2],
          ['method', 1],
          ['field', 1],
          ['method', 2],
          ['own', 0],
        ],
        'names and lengths',
      )
      equal(
        all.map((one) => Object.hasOwn(one, 'prototype')),
        all.map(() => false),
        'prototypes',
      )
      equal(Object.hasOwn(new Member(), 'declared'), true, 'a field without a value')
    },
  },
  {
    id: 'runtime-70',
    contract: 'Object spread and rest keep every key, __proto__ included, and run getters once.',
    run() {
      let reads = 0
      const source = {
        ['__proto__']: 1,
        get counted() {
          return ++reads
        },
      }
      const { counted, ...rest } = { ...source, last: true }
      equal([counted, reads, Object.keys(rest)], [1, 1, ['__proto__', 'last']], 'keys')
      equal(Object.getPrototypeOf(rest) === Object.prototype, true, 'prototype')
    },
  },
  {
    id: 'runtime-71',
    contract: 'super, generators, for await and await using work in async functions, and a module may wait.',
    async run() {
      equal(waited, 'waited', 'a module')
      equal([await new Heir().method(1, 2), await Heir.own()], ['member of heir', 'own of heir'], 'super')
      const log: string[] = []
      const seen: unknown[] = []
      for await (const value of numbers(log)) seen.push(value ?? 'nothing')
      equal([seen, log], [[1, 'nothing', 2, 3], ['finally']], 'for await')
      const early = numbers(log)
      equal(
        [await early.next(), await early.next('sent'), await early.return('left'), await early.next()],
        [
          { value: 1, done: false },
          { value: 'sent', done: false },
          { value: 'left', done: true },
          { value: undefined, done: true },
        ],
        'a generator',
      )
      const failing = async (_value: unknown = fails()): Promise<void> => {}
      equal(await failing().catch((error: Error) => error.message), 'default', 'a default that throws')
      {
        await using _resource = {
          async [Symbol.asyncDispose]() {
            await Promise.resolve()
            log.push('disposed')
          },
        }
        log.push('used')
      }
      equal(log.slice(-2), ['used', 'disposed'], 'await using')
    },
  },
  {
    id: 'runtime-72',
    contract: 'What is awaited goes on in the order of the language.',
    async run() {
      const log: string[] = []
      const turns = async (name: string, value: unknown): Promise<void> => {
        log.push(`${name}1`)
        await value
        log.push(`${name}2`)
        await null
        log.push(`${name}3`)
      }
      await Promise.all([turns('a', null), turns('b', Promise.resolve()), turns('c', 0)])
      equal(log.join(' '), 'a1 b1 c1 a2 b2 c2 a3 b3 c3', 'order')
    },
  },
])

function fails(): never {
  throw new Error('default')
}
