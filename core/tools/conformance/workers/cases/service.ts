import { eventually } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, thrown, throwsText } from './tools.ts'

export const SERVICE: WorkerCase[] = workerCases('handler', [
  [
    '40',
    'a service binding: fetch',
    async ({ env }) => equal(await (await env.SELF.fetch('http://any.host/')).text(), 'the fixture Worker'),
  ],
  [
    '41',
    'a service binding to a named entrypoint: fetch with method, path and body',
    async ({ env }) => {
      const response = await env.CALC.fetch('http://any.host/path?q', { method: 'PUT', body: 'the body' })
      equal([await response.text(), response.headers.get('x-from')], ['calc PUT /path the body', 'calc'])
    },
  ],
  ['42', 'a method of an entrypoint', async ({ env }) => equal(await env.CALC['add'](2, 3), 5)],
  [
    '43',
    'arguments and results are copied as structured cloning does',
    async ({ env }) => {
      const value = {
        date: new Date(5),
        map: new Map([['a', { b: [1, undefined, null] }]]),
        set: new Set([1]),
        bytes: new Uint8Array([1, 255]),
        big: 10n,
        nan: NaN,
        nested: { deep: ['x'] },
      }
      const echoed = (await env.CALC['echo'](value)) as typeof value
      equal(
        [
          echoed.date,
          echoed.map,
          [...echoed.set],
          echoed.bytes,
          echoed.big === 10n,
          Number.isNaN(echoed.nan),
          echoed.nested,
        ],
        [value.date, value.map, [1], value.bytes, true, true, { deep: ['x'] }],
      )
      equal(echoed === value, false)
      equal(await env.CALC['echo'](undefined), undefined)
    },
  ],
  [
    '44',
    'an error of a method comes over with its name and message',
    async ({ env }) => {
      const error = await thrown(() => env.CALC['fails']())
      equal([error.name, error.message], ['RangeError', 'out of range'])
    },
  ],
  [
    '45',
    'a method that is not there is a TypeError',
    async ({ env }) =>
      throwsText(
        'The RPC receiver does not implement the method "missing".',
        () => env.CALC['missing'](),
        'TypeError',
      ),
  ],
  [
    '46',
    'the binding is no promise',
    async ({ env }) => equal(await (env.CALC as { then?: unknown }).then, undefined),
  ],
  ['47', 'props of the binding', async ({ env }) => equal(await env.CALC['unit'](), 'apples')],
  ['48', 'an entrypoint has the env', async ({ env }) => equal(await env.CALC['greeting'](), 'hello')],
  [
    '49',
    'an RpcTarget that a method gives is called where it is',
    async ({ env }) => {
      const adder = (await env.CALC['adder']()) as { add(value: number): Promise<number> }
      equal([await adder.add(1), await adder.add(2)], [1, 3])
    },
  ],
  [
    '50',
    'waitUntil of an entrypoint',
    async ({ env, key }) => {
      equal(await env.CALC['later'](key()), 'accepted')
      await eventually(async () => equal(await env.KV.get(key()), 'private'))
    },
  ],
  [
    '51',
    'a function that a caller gives is called back',
    async ({ env }) => {
      const results: number[] = []
      await env.CALC['each']([1, 2], (value: number) => void results.push(value))
      equal(results, [1, 2])
    },
  ],
])
