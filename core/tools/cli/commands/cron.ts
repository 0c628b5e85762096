import type { Command } from 'commander'
import { nextTime } from '../../../../adapters/node-server/runtime/crons/scheduler.ts'
import { isUnmoorError } from '../../../errors.ts'
import type { CronRun, ListedCron } from '../../../runtime/data-route-crons.ts'
import { addRouteOptions, openRoute, type RouteOptions } from '../deployment-route.ts'
import { usageError } from '../exit.ts'
import { createReporter } from '../reporter.ts'

/** Registers the command `unmoor cron`. */
export function register(program: Command): void {
  const cron = program.command('cron').description('list the crons of a deployment, and run one now')
  addRouteOptions(cron.command('list').description('names, schedules and next times, in UTC')).action(
    (given: RouteOptions) => listCrons(given),
  )
  addRouteOptions(
    cron.command('run <name>').description('call the handler of a cron once, now, within a request'),
  ).action((name: string, given: RouteOptions) => runCron(name, given))
}

async function listCrons(given: RouteOptions): Promise<void> {
  const report = createReporter(given.reporter)
  const listed = (await openRoute(given).call({ op: 'cron.list' })) as ListedCron[]
  const now = Date.now()
  const crons = listed.map(({ name, schedule }) => {
    const next = nextTime(schedule, now)
    return { name, schedule, next: next === undefined ? null : new Date(next).toISOString() }
  })
  if (crons.length === 0) report.print('This app has no crons.')
  const width = (column: 'name' | 'schedule'): number => Math.max(...crons.map((cron) => cron[column].length))
  for (const { name, schedule, next } of crons)
    report.print(
      `${name.padEnd(width('name'))}  ${schedule.padEnd(width('schedule'))}  ` +
        (next === null ? 'never again' : `next ${next}`),
    )
  report.result({ crons })
}

async function runCron(name: string, given: RouteOptions): Promise<void> {
  const report = createReporter(given.reporter)
  const route = openRoute(given)
  const run = await report.step(`Running ${name}`, () =>
    route.call({ op: 'cron.run', name }).catch((error: unknown) => {
      // An unknown cron is wrong use, as an unknown binding is. Errors of the handler are no rejection.
      if (isUnmoorError(error, 'NotFound') && error.operation === 'cron') throw usageError(error.message)
      throw error
    }),
  )
  const { error, duration } = run as CronRun
  if (error === undefined) report.print(`${name}: done in ${duration} ms`)
  else {
    process.stderr.write(`error: ${name} failed after ${duration} ms: ${error.name}: ${error.message}\n`)
    process.exitCode = 1
  }
  report.result(run)
}
