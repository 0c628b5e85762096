import { CronExpressionParser } from 'cron-parser'
import { Cron } from 'croner'
import moment from 'moment'
import PQueue from 'p-queue'
import 'moment/locale/de.js'
import { setTimeout as wait } from 'node:timers/promises'
import { defineApp } from 'unmoor'

const start = new Date('2024-02-28T10:30:00Z')

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/moment':
        return Response.json([
          moment.utc(start).locale('en').add(2, 'days').format('dddd, MMMM Do YYYY, h:mm a'),
          moment.utc(start).locale('de').format('LLLL'),
          moment.utc(start).locale('en').from(moment.utc('2024-03-01')),
          moment.utc('31.12.2023', 'DD.MM.YYYY', true).isValid(),
          moment.duration(90, 'minutes').locale('en').humanize(),
          moment.utc('2024-02-31').isValid(),
        ])
      case '/cron-parser': {
        const times = CronExpressionParser.parse(searchParams.get('expression') ?? '*/15 9-17 * * 1-5', {
          currentDate: start,
          tz: 'Europe/Berlin',
        })
        return Response.json(times.take(4).map((time) => time.toISOString()))
      }
      case '/croner':
        return Response.json(
          new Cron('0 0 29 2 *', { paused: true, timezone: 'America/New_York' })
            .nextRuns(3, start)
            .map((time) => time.toISOString()),
        )
      case '/p-queue': {
        const jobs = new PQueue({ concurrency: 2 })
        const seen: number[] = []
        let [now, most] = [0, 0]
        const job = async (n: number): Promise<void> => {
          most = Math.max(most, ++now)
          await wait(2)
          now--
          seen.push(n)
        }
        for (const n of [1, 2, 3, 4, 5]) void jobs.add(() => job(n), { priority: n })
        await jobs.onIdle()
        return Response.json({ seen: seen.toSorted(), most })
      }
      case '/run': {
        const runs = await new Promise<number>((resolve) => {
          let count = 0
          const job = new Cron('* * * * * *', { maxRuns: 1, interval: 0 }, () => {
            resolve(++count)
            job.stop()
          })
        })
        return Response.json(runs)
      }
      default:
        try {
          CronExpressionParser.parse('61 * * * *')
          return new Response('parsed')
        } catch (error) {
          return new Response(`${(error as Error).name}: ${(error as Error).message}`, { status: 400 })
        }
    }
  },
})
