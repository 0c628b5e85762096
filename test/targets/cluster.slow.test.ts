import { connect } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, it } from 'vitest'
import { startBackends, type Cluster } from '../../examples/cluster/local/cluster.ts'
import { findPrograms } from '../../examples/cluster/local/servers.ts'
import { startLoad } from './cluster-load.ts'

const TOKEN = 'cluster-token'
/** Longest time that a report takes; one replica is killed while some are at work. */
const REPORT_MS = 3000
const REPORTS = ['topLinks', 'topReferrers', 'clicksPerDay', 'newestLinks', 'unusedLinks', 'totals']

const { missing } = findPrograms()
if (missing.length > 0) console.warn(`cluster of three replicas: skipped, ${missing.join('; ')}`)

/** Runs of the reports of one time that a replica has begun and finished, by report. */
function reportRuns(lines: readonly string[], time: string): { begun: string[]; done: string[] } {
  const of = (end: string): string[] =>
    lines.flatMap((line) => {
      const [, name, at, what] = /^report (\w+) (\S+) (.+)$/.exec(line) ?? []
      return name !== undefined && at === time && what === end ? [name] : []
    })
  return { begun: of('begins'), done: of('is done') }
}

async function waitFor(
  what: string,
  seconds: number,
  check: () => boolean | Promise<boolean>,
): Promise<void> {
  for (
    const deadline = Date.now() + seconds * 1000;
    !(await check());
    await new Promise((resolve) => setTimeout(resolve, 50))
  )
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${seconds} s`)
}

/** Requests that haproxy sent again, to the same replica or another. */
function repeated(socketPath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(socketPath, () => socket.write('show stat\n'))
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    socket.on('error', reject)
    socket.on('end', () => {
      const [head = '', ...rows] = text.replace(/^# /, '').trim().split('\n')
      const names = head.split(',')
      const backends = rows
        .map((row) => row.split(','))
        .filter((row) => row[names.indexOf('svname')] === 'BACKEND')
      resolve(
        backends.reduce(
          (sum, row) => sum + Number(row[names.indexOf('wretr')]) + Number(row[names.indexOf('wredis')]),
          0,
        ),
      )
    })
  })
}

it.skipIf(missing.length > 0)(
  'three replicas behind haproxy lose nothing that was acknowledged while one is killed and Postgres restarts',
  { timeout: 300_000 },
  // oxlint-disable-next-line max-lines-per-function -- one scenario, whose steps share what happened before them
  async () => {
    const output: string[] = []
    const backends = await startBackends((line) => void output.push(line))
    const database = postgres(backends.postgres.url, { max: 1, onnotice: () => {} })
    let cluster: Cluster | undefined
    try {
      // A minute of the replicas begins in 8 s; where this machine is slower, the next one will do.
      const ahead = 60_000 - ((Date.now() + 8000) % 60_000)
      cluster = await backends.start({
        variables: { ADMIN_TOKEN: TOKEN, REPORT_PAUSE: String(REPORT_MS), CLOCK_AHEAD_MS: String(ahead) },
        nodeArgs: ['--import', join(import.meta.dirname, 'cluster-clock.ts')],
      })
      const { replicas, url } = cluster
      const load = startLoad(url, TOKEN, 12)
      const { ledger } = load
      let time = ''
      const runs = (): Map<string, { begun: string[]; done: string[] }> =>
        new Map(replicas.map(({ name, lines }) => [name, reportRuns(lines, time)]))
      const busy = (name: string): string[] => {
        const { begun = [], done = [] } = runs().get(name) ?? {}
        return begun.filter((one) => !done.includes(one))
      }

      // It has begun them, and nobody has marked them done.
      const open = async (): Promise<string[]> =>
        (
          await database<
            { cron: string }[]
          >`SELECT cron FROM unmoor_crons WHERE NOT done AND scheduled_time = ${Date.parse(time)}`
        ).map(({ cron }) => cron)
      // One replica dies while it works on a report and another report is done: it is stopped while the
      // table is read, so that what the table says is what its death leaves.
      let interrupted: string[] = []
      let killed = 0
      let killedName = ''
      let restarted: Promise<void> | undefined
      await waitFor('a report', 80, async () => {
        time ||=
          replicas.flatMap(({ lines }) =>
            lines.flatMap((line) => /^report \w+ (\S+) begins$/.exec(line)?.[1] ?? []),
          )[0] ?? ''
        const victim = replicas
          .filter(({ name }) => busy(name).length > 0)
          .toSorted((a, b) => busy(a.name).length - busy(b.name).length)[0]
        if (victim === undefined) return false
        process.kill(victim.pid, 'SIGSTOP')
        const undone = await open()
        interrupted = undone.filter((name) => runs().get(victim.name)?.begun.includes(name))
        if (interrupted.length === 0 || interrupted.length === REPORTS.length) {
          process.kill(victim.pid, 'SIGCONT')
          return false
        }
        killed = Date.now()
        killedName = victim.name
        restarted = victim.kill()
        return true
      })
      await restarted
      const back = Date.now()

      // Postgres crashes and is away for a second.
      await new Promise((resolve) => setTimeout(resolve, 2000))
      const away = Date.now()
      await backends.postgres.restart(1)
      const returned = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 3000))
      await load.stop()

      // Each report was made; one that no death interrupted, exactly once. One that Postgres broke off
      // throws, and is tried again after a minute.
      await waitFor('the end of all reports', 100, () => {
        const done = new Set([...runs().values()].flatMap((one) => one.done))
        return REPORTS.every((name) => done.has(name))
      })
      const all = [...runs().values()].flatMap((one) => one.done)
      const once = REPORTS.filter((name) => !interrupted.includes(name))
      expect(
        Object.fromEntries(once.map((name) => [name, all.filter((one) => one === name).length])),
      ).toEqual(Object.fromEntries(once.map((name) => [name, 1])))
      await waitFor('the mark of all reports', 20, async () => (await open()).length === 0)

      // Each acknowledged message was handled.
      let recorded: string[] = []
      const lost = (): string[] => [...ledger.visits.difference(new Set(recorded))]
      const recordAll = async (): Promise<boolean> => {
        recorded = (await database<{ referrer: string }[]>`SELECT referrer FROM clicks`).map(
          ({ referrer }) => referrer,
        )
        return lost().length === 0
      }
      await waitFor('every click', 60, recordAll).catch((error: unknown) => {
        const said = output.filter((line) => /queue|clicks|nats/i.test(line)).slice(-3)
        throw new Error(
          `${lost().length} of ${ledger.visits.size} clicks are not recorded, ${recorded.length} are: ` +
            `${String(error)}; ${lost().slice(0, 3).join(', ')}; ${said.join('; ')}`,
          { cause: error },
        )
      })

      // Each acknowledged write is there.
      const rows = new Map(
        (await database<{ slug: string; url: string }[]>`SELECT slug, url FROM links`).map(
          ({ slug, url }) => [slug, url],
        ),
      )
      expect([...ledger.links].filter(([slug, target]) => rows.get(slug) !== target)).toEqual([])
      expect([...ledger.deleted].filter((slug) => rows.has(slug))).toEqual([])
      const wrong: string[] = []
      for (const [slug, target] of ledger.links) {
        const visit = await fetch(`${url}/${slug}`, { redirect: 'manual' })
        if (visit.headers.get('location') !== target) wrong.push(slug)
      }
      for (const [slug, bytes] of ledger.icons) {
        const icon = Buffer.from(await (await fetch(`${url}/icons/${slug}`)).arrayBuffer())
        if (!icon.equals(bytes)) wrong.push(`icon of ${slug}`)
      }
      expect(wrong).toEqual([])

      // A POST may fail on the replica that died, and what needs Postgres while it was away and until the
      // replicas have found it again; nothing else.
      const onDead = ledger.failures.filter(
        ({ method, began, ended }) =>
          method === 'POST' && began <= killed + 1000 && ended >= killed && ended < away,
      )
      const onPostgres = ledger.failures.filter(
        ({ path, began, ended, status }) =>
          path.startsWith('/api/') && status >= 500 && ended >= away && began <= returned + 1500,
      )
      expect(ledger.failures.filter((one) => !onDead.includes(one) && !onPostgres.includes(one))).toEqual([])
      const again = await repeated(cluster.statsSocket)
      expect(again).toBeGreaterThan(0)
      expect(ledger.links.size).toBeGreaterThan(50)
      const codes = await cluster.stop()
      cluster = undefined
      expect(codes).toEqual([0, 0, 0])
      console.log(
        `cluster: ${ledger.requests} requests; replica ${killedName} killed with ${interrupted.length} of ${REPORTS.length} reports at work, back after ${back - killed} ms; ` +
          `${again} requests repeated by haproxy; ${onDead.length} POSTs failed with the replica, ${onPostgres.length} requests while Postgres was away (${returned - away} ms); ` +
          `acknowledged: ${ledger.links.size} links, ${ledger.deleted.size} deletes, ${ledger.icons.size} icons, ${ledger.visits.size} messages; ` +
          `${recorded.length - new Set(recorded).size} messages doubled`,
      )
    } catch (error) {
      console.error(
        output
          .filter((line) => !line.startsWith('postgres: '))
          .slice(-300)
          .join('\n'),
      )
      throw error
    } finally {
      await database.end({ timeout: 1 })
      await cluster?.stop()
      await backends.stop()
    }
  },
)
