/**
 * One replica of a test: runs the times that come every 250 ms, and notes begin and end of each run in a
 * file. `node cron-child.ts STORE OPTIONS NOTES COUNT FIRST LEASE_SECONDS [HANG]`: the first run of the time
 * number HANG never ends.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCronTime } from '../../adapters/node-server/runtime/crons/cron-run.ts'
import { variable } from '../../core/bindings/declarations.ts'
import type { CronStore } from '../../core/runtime/cron-store.ts'

const [storeName, options, notes, count, first, leaseSeconds, hang] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string?,
]
const { cronStore } = (await import(`../../adapters/drivers/${storeName}/cron/index.ts`)) as {
  cronStore: (options: unknown, context: unknown) => CronStore | Promise<CronStore>
}
const store = await cronStore(JSON.parse(options), {
  app: 'replicas',
  binding: 'cronStore',
  declaration: variable(),
  variable: () => undefined,
  now: Date.now,
})
const stop = new AbortController()
const running: Promise<void>[] = []
const note = (what: string, time: number): void =>
  appendFileSync(notes, `${what} ${(time - Number(first)) / 250} ${process.pid}\n`)
for (let tick = 0; tick < Number(count); tick++) {
  const time = Number(first) + tick * 250
  await sleep(Math.max(0, time - Date.now()))
  running.push(
    runCronTime({
      cron: 'tick',
      time,
      store,
      leaseSeconds: Number(leaseSeconds),
      retryDelays: [0.2],
      alone: false,
      signal: stop.signal,
      report: (what) => console.error(what),
      async run(_name, scheduledTime) {
        note('begin', scheduledTime)
        const isFirst = readFileSync(notes, 'utf8').split(`begin ${tick} `).length === 2
        if (String(tick) === hang && isFirst) await new Promise(() => setInterval(() => {}, 1000))
        await sleep(20)
        note('end', scheduledTime)
        return { retry: false }
      },
    }),
  )
}
await Promise.all(running)
await store.close?.()
