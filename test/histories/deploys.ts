import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { sendTo } from '../targets/host-lab.ts'
import { buildCounter, type Hit } from '../targets/worker-lab.ts'
import { killTree } from './power-cut.ts'
import { spawnHost } from './spawned-host.ts'

const TOKEN = 'token of deploys'
/** Apps that are deployed at the same time, each by its own operator. */
const APPS = 3

/** What {@link deploysHistory} has seen. */
export interface DeploysReport {
  deploys: number
  configures: number
  requests: number
  /** Requests that were not answered by the app, with what came instead. */
  failed: string[]
  /** Apps whose object has another count than was acknowledged, or that counted twice. */
  miscounted: string[]
}

/**
 * Deploys and configures of apps with objects, `changes` in all, while each app has two clients. No request
 * fails, and each one is counted once by the app's one object.
 */
export async function deploysHistory(
  changes: number,
  say: (line: string) => void = () => {},
): Promise<DeploysReport> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-deploys-history-'))
  const artifact = await buildCounter()
  const report: DeploysReport = { deploys: 0, configures: 0, requests: 0, failed: [], miscounted: [] }
  const host = await spawnHost(join(dir, 'host.json'), {
    port: 0,
    processes: 1,
    pool: 1,
    dataDir: join(dir, 'data'),
    admin: { port: 0, token: TOKEN },
    limits: { cpuMs: 60_000, wallTimeout: 600 },
  })
  const going = { on: true }
  const client = new DeployClient({ url: host.adminUrl, token: TOKEN })
  const apps = Array.from({ length: APPS }, (_, index) => `app-${index}`)
  try {
    for (const app of apps) await client.deploy(app, artifact)
    const seen = new Map(apps.map((app) => [app, new Set<number>()]))
    const load = [...apps, ...apps].map(async (app) => {
      while (going.on) {
        const { status, text } = await sendTo(host.url, app).catch((error: Error) => ({
          status: 0,
          text: error.message,
        }))
        report.requests++
        if (status !== 200) {
          report.failed.push(`${app}: ${status} ${text.slice(0, 200)}`)
          await sleep(20)
          continue
        }
        const { stored } = JSON.parse(text) as Hit
        if (seen.get(app)?.has(stored) === true) report.miscounted.push(`${app}: ${stored} twice`)
        seen.get(app)?.add(stored)
      }
    })
    let left = changes
    await Promise.all(
      apps.map(async (app) => {
        while (left-- > 0) {
          const settings = { variables: { WORD: `word-${left}` } }
          if (left % 2 === 0) {
            await client.deploy(app, artifact, { settings })
            report.deploys++
          } else {
            await client.configure(app, settings)
            report.configures++
          }
          const done = report.deploys + report.configures
          if (done % 100 === 0)
            say(`${done} changes, ${report.requests} requests, ${report.failed.length} failed`)
        }
      }),
    )
    going.on = false
    await Promise.all(load)
    for (const app of apps) {
      const { stored } = JSON.parse((await sendTo(host.url, app)).text) as Hit
      const acknowledged = seen.get(app)?.size ?? 0
      if (report.failed.length === 0 && stored !== acknowledged + 1)
        report.miscounted.push(`${app}: has ${stored} after ${acknowledged} acknowledged`)
    }
    return report
  } finally {
    going.on = false
    await killTree(host.child.pid as number)
    for (const folder of [dir, artifact]) await rm(folder, { recursive: true, force: true })
  }
}
