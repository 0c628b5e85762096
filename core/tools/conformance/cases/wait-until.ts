import { equal, eventually, ok, sleep } from '../assert.ts'
import { insideCases, wireCases, type WireTools } from '../case.ts'

async function start({ fetch, key }: WireTools, kind: string): Promise<Response> {
  return fetch(`/do/wait-until/${key()}?kind=${kind}`)
}

async function noted({ notes, key }: WireTools, expected: string[]): Promise<void> {
  await eventually(async () => equal((await notes(key())).toSorted(), expected.toSorted(), 'notes'))
}

/** Releases the `waitUntil` work of kind `held` in the fixture app. */
async function letGo({ note, key }: WireTools): Promise<void> {
  await note(key('key-go'), 'go')
}

export const waitUntilWireCases = wireCases('waitUntil', [
  {
    id: 'waitUntil-01',
    contract: 'The client has its answer while waitUntil work is still running, and the work is done.',
    async run(tools) {
      const answer = await start(tools, 'held')
      equal(await answer.text(), 'answered', 'answer')
      equal(await tools.notes(tools.key()), [], 'notes at the time of the answer')
      await letGo(tools)
      await noted(tools, ['held'])
    },
  },
  {
    id: 'waitUntil-02',
    contract: 'What a binding wrote in waitUntil work is there.',
    async run(tools) {
      await start(tools, 'plain')
      await noted(tools, ['done'])
    },
  },
  {
    id: 'waitUntil-03',
    contract: 'A rejection changes neither the answer nor other work, and the target goes on.',
    async run(tools) {
      equal((await start(tools, 'rejects')).status, 200, 'status')
      await noted(tools, ['after the rejection'])
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'waitUntil-04',
    contract: 'Work that is handed over by other work is waited for too.',
    async run(tools) {
      await start(tools, 'nested')
      await noted(tools, ['outer', 'inner'])
    },
  },
  {
    id: 'waitUntil-05',
    contract: 'Twenty pieces of work of one request are all done.',
    async run(tools) {
      await start(tools, 'many')
      await noted(
        tools,
        Array.from({ length: 20 }, (_, index) => `work ${index}`),
      )
    },
  },
  {
    id: 'waitUntil-06',
    contract: 'Work handed over before the handler threw is done.',
    async run(tools) {
      equal((await start(tools, 'throws')).status, 500, 'status')
      await noted(tools, ['although it threw'])
    },
  },
  {
    id: 'waitUntil-08',
    contract: 'Work goes on for about 30 s after the answer, then ctx.signal aborts or the platform ends it.',
    seconds: 60,
    async run(tools) {
      const began = Date.now()
      await start(tools, 'endless')
      const lastBeat = async (): Promise<[number: number, ms: number]> => {
        const beats = (await tools.notes(tools.key())).map((text) => text.split(' ').map(Number))
        return [
          Math.max(0, ...beats.map(([number = 0]) => number)),
          Math.max(0, ...beats.map(([, ms = 0]) => ms)),
        ]
      }
      // The `waitUntil` work is first checked after 26 s: an earlier check could not pass, and each costs a
      // request and a read.
      await sleep(26_000)
      await eventually(
        async () => {
          const [, ms] = await lastBeat()
          ok(ms >= 26_000, `the last sign of work came ${ms} ms after the answer`)
        },
        24,
        1000,
      )
      await sleep(Math.max(0, began + 36_000 - Date.now()))
      // The notes of the `waitUntil` work are counted, not timed: they are at least a second apart, so a
      // machine that stalls produces fewer, never more.
      const [number] = await lastBeat()
      ok(number <= 31, `the work went on for ${number} s after the answer`)
    },
  },
  {
    id: 'waitUntil-07',
    contract: 'While waitUntil work is running, the instance that runs it answers other requests.',
    needs: 'http.keepWorkAfterAnswer',
    async run(tools) {
      await start(tools, 'held')
      for (let round = 0; round < 5; round++) equal((await tools.fetch('/meanwhile')).status, 200, 'status')
      equal(await tools.notes(tools.key()), [], 'notes while the work is held')
      await letGo(tools)
      await noted(tools, ['held'])
    },
    async without(tools) {
      const answer = await start(tools, 'held')
      const busy = answer.headers.get('x-instance')
      ok(busy !== null, 'the answer names its instance')
      for (let round = 0; round < 5; round++) {
        const other = (await tools.fetch('/do/instance')).headers.get('x-instance')
        ok(other !== busy, 'the instance answered another request before its work was done')
        await sleep(50)
      }
      await letGo(tools)
      await noted(tools, ['held'])
    },
  },
])

export const waitUntilCases = insideCases('waitUntil', [
  {
    id: 'waitUntil-11',
    contract: 'ctx has waitUntil, passThroughOnException, props and a signal that is not aborted.',
    run({ ctx }) {
      equal(
        [typeof ctx.waitUntil, typeof ctx.passThroughOnException, typeof ctx.props],
        ['function', 'function', 'object'],
        'members',
      )
      ok(ctx.signal instanceof AbortSignal, 'ctx.signal is an AbortSignal')
      equal([ctx.signal.aborted, ctx.signal === ctx.signal], [false, true], 'aborted, and the same each time')
      equal(ctx.passThroughOnException(), undefined, 'passThroughOnException()')
    },
  },
  {
    id: 'waitUntil-12',
    contract: 'waitUntil returns at once, and takes a promise that has settled already.',
    async run({ ctx }) {
      let done = false
      equal(
        ctx.waitUntil(
          sleep(50).then(() => {
            done = true
          }),
        ),
        undefined,
        'result',
      )
      equal(done, false, 'done')
      ctx.waitUntil(Promise.resolve('settled'))
      ctx.waitUntil(Promise.reject(new Error('rejected on purpose')))
      await eventually(() => equal(done, true, 'done later'))
    },
  },
])
