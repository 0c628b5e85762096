import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

interface Entry {
  (...args: unknown[]): Entry
  who(): Promise<string>
  fetch(url: string): Promise<Response>
}
interface Exports {
  Named: Entry
  plain: Entry
  Unbound: { getByName(name: string): { hello(): Promise<string>; reach(): Promise<string> } }
  Counter: { idFromName(name: string): { toString(): string } }
}

const exportsOf = ({ ctx }: WorkerTools): Exports => ctx.exports as Exports

export const EXPORTS: WorkerCase[] = [
  ...workerCases('handler', [
    [
      '220',
      'ctx.exports has every entrypoint, the same each time',
      (tools) => {
        const { ctx, workers } = tools
        for (const name of ['default', 'Calc', 'Named', 'plain'])
          equal([name in ctx.exports, typeof Reflect.get(ctx.exports, name)], [true, 'function'], name)
        equal(['missing' in ctx.exports, 'missing' in workers.exports], [false, false])
        equal(exportsOf(tools).Named === exportsOf(tools).Named, true)
        equal(Object.keys(workers.exports).sort(), Object.keys(ctx.exports).sort())
      },
    ],
    [
      '221',
      'an entrypoint has no props until it is called with some',
      async (tools) => {
        const { Named } = exportsOf(tools)
        equal(
          [await Named.who(), await Named({ props: { who: 'me' } }).who(), await Named({}).who()],
          ['nobody', 'me', 'nobody'],
        )
        equal(await (await Named({ props: { who: 'f' } }).fetch('http://a/')).text(), 'named f')
      },
    ],
    [
      '222',
      'props reach a plain object of handlers too',
      async (tools) => {
        const { plain } = exportsOf(tools)
        equal(await (await plain.fetch('http://a/')).json(), {})
        equal(await (await plain({ props: { a: [1] } }).fetch('http://a/')).json(), { a: [1] })
      },
    ],
    [
      '223',
      'what are no props is refused',
      async (tools) => {
        const { Named } = exportsOf(tools)
        await throwsText('parameter 1', () => Named(), 'TypeError')
        await throwsText('parameter 1', () => Named(5), 'TypeError')
        await throwsText("'props' field", () => Named({ props: 5 }), 'TypeError')
        await throwsText('could not be cloned', () => Named({ props: { f: () => 1 } }), 'DataCloneError')
      },
    ],
    [
      '224',
      'exports of cloudflare:workers are the same ones',
      async ({ workers }) =>
        equal(await (workers.exports['Named'] as Entry)({ props: { who: 'module' } }).who(), 'module'),
    ],
  ]),
  ...workerCases('object', [
    [
      '250',
      'ctx.exports has the namespace of each class',
      async (tools) => {
        const { Unbound, Counter } = exportsOf(tools)
        equal(await Unbound.getByName('u').hello(), 'unbound u')
        equal(String(Counter.idFromName('a')), String(tools.env.COUNTER.idFromName('a')))
      },
    ],
    [
      '251',
      "an object's own context has them too",
      async (tools) => equal(await exportsOf(tools).Unbound.getByName(tools.key()).reach(), 'the object'),
    ],
  ]),
]
