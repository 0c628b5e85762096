/**
 * A process that does one contender's work: told `{ seconds }` over IPC, it answers `{ operations, cpu }`
 * (microseconds); told `{ answer }`, what the operation gives.
 */
import { KV } from './kv.ts'
import { QUEUE } from './queue.ts'
import { SQL } from './sql.ts'
import type { Contenders, Place } from './work.ts'

const [id, name, place] = process.argv.slice(2) as [string, string, string]
const works: Readonly<Record<string, Contenders>> = { ...KV, ...SQL, ...QUEUE }
const create = works[id]?.[name]
if (create === undefined) throw new Error(`There is no ${name} of ${id}.`)
const work = await create(JSON.parse(place) as Place)
const { operations = 1, concurrency = 1 } = work
let index = 0
// The clock is looked at now and then only: it would be a good part of a small operation.
const turns = operations > 1 ? 1 : 20

async function run(seconds: number): Promise<{ operations: number; cpu: number }> {
  const before = process.cpuUsage()
  const end = performance.now() + seconds * 1000
  let done = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      for (let turn = 0; turn < turns; turn++) await work.once(index++)
      done += turns
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  const { user, system } = process.cpuUsage(before)
  return { operations: done * operations, cpu: user + system }
}

process.on('message', (message: { seconds: number } | { answer: number } | 'end') => {
  const answer = async (): Promise<void> => {
    if (message === 'end') {
      await work.close()
      process.disconnect?.()
    } else
      process.send?.(
        'seconds' in message ? await run(message.seconds) : { answer: await work.once(message.answer) },
      )
  }
  void answer()
})
process.once('disconnect', () => process.exit())
process.send?.('ready')
