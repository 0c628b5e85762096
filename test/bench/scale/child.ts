/** Does one work of the group `scale` at one size: `child.ts ID CONTENDER SIZE FOLDER`, over IPC. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WORKS } from './all-works.ts'
import { Standstill } from './standstill.ts'
import type { Figures, ScaleWork } from './work.ts'

const [id = '', contender = '', size = '', folder = ''] = process.argv.slice(2)
const work = WORKS[id] as ScaleWork
const operation =
  contender === 'floor' ? work.floor(folder, Number(size)) : await work.ours(contender, folder, Number(size))
const standstill = new Standstill()

process.on('message', ({ seconds }: { seconds: number }) => {
  void measure(seconds).then((figures) => process.send?.(figures))
})
process.on('disconnect', () => {
  void (async () => {
    await operation.close?.()
    process.exit()
  })()
})
process.send?.({ held: operation.measure === undefined ? await firstRun() : 0 })

/** A first run compiles what it uses, so it counts only for how long it held the event loop up. */
async function firstRun(): Promise<number> {
  await nextTurn()
  standstill.start()
  await operation.run()
  await nextTurn()
  return standstill.stop()
}

async function measure(seconds: number): Promise<Figures> {
  if (operation.measure !== undefined) return operation.measure()
  standstill.start()
  const end = performance.now() + seconds * 1000
  let operations = 0
  let cpu = 0
  do {
    const before = process.cpuUsage()
    await operation.run()
    const { user, system } = process.cpuUsage(before)
    cpu += user + system
    operations++
    // Each operation by itself: what holds the loop up is one of them. What goes on beside them, such as the
    // removal of expired entries, has its turn here.
    await nextTurn()
  } while (performance.now() < end)
  return { operations, cpu, held: standstill.stop() }
}
