/** Does one work of the group `scale` at one size: `child.ts ID CONTENDER SIZE FOLDER`, over IPC. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MORE } from './more-work.ts'
import { SCALE, type ScaleWork } from './work.ts'

/** What a span of work took. */
export interface Figures {
  operations: number
  /** Microseconds of CPU time of all of them. */
  cpu: number
  /** Milliseconds of the longest time that the event loop stood still. */
  held: number
}

const [id = '', contender = '', size = '', folder = ''] = process.argv.slice(2)
const work = { ...SCALE, ...MORE }[id] as ScaleWork
const operation =
  contender === 'floor' ? work.floor(folder, Number(size)) : await work.ours(contender, folder, Number(size))
// What has filled it is not measured.
await operation.run()
const delay = monitorEventLoopDelay({ resolution: 1 })

process.on('message', ({ seconds }: { seconds: number }) => {
  void measure(seconds).then((figures) => process.send?.(figures))
})
process.on('disconnect', () => {
  void (async () => {
    await operation.close?.()
    process.exit()
  })()
})
process.send?.('ready')

async function measure(seconds: number): Promise<Figures> {
  delay.reset()
  delay.enable()
  const before = process.cpuUsage()
  const end = performance.now() + seconds * 1000
  let operations = 0
  do {
    await operation.run()
    operations++
    // Each operation by itself: what holds the loop up is one of them.
    await nextTurn()
  } while (performance.now() < end)
  const { user, system } = process.cpuUsage(before)
  delay.disable()
  return { operations, cpu: user + system, held: delay.max / 1e6 }
}
