import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { sendTo } from '../targets/host-lab.ts'
import { killTree, PowerCutDisk } from './power-cut.ts'

const CLI = fileURLToPath(new URL('../../dist/core/tools/cli/main.js', import.meta.url))

/** What {@link hostPowerCuts} has seen. */
export interface PowerCutReport {
  cuts: number
  /** Deploys and changes of settings that were answered. */
  acknowledged: number
  /** What an app answered that was not what was acknowledged last. */
  lost: string[]
}

interface Running {
  child: ChildProcess
  url: string
  client: DeployClient
}

/**
 * Deploys to `unmoor host`, cuts the power as soon as the answer is there, and looks after each restart
 * whether every app is served as it was acknowledged last: its code, and its variables, which the host keeps
 * sealed. `artifact` is one of `labApp`.
 */
export async function hostPowerCuts(artifact: string, cuts: number): Promise<PowerCutReport> {
  await using disk = await PowerCutDisk.create()
  const data = join(disk.folder, 'data')
  const config = join(disk.folder, 'host.json')
  await writeFile(
    config,
    JSON.stringify({ port: 0, processes: 1, pool: 1, dataDir: data, admin: { port: 0 } }),
    { flush: true },
  )
  const expected = new Map<string, string>()
  const report: PowerCutReport = { cuts: 0, acknowledged: 0, lost: [] }
  const check = async ({ url }: Running): Promise<void> => {
    for (const [app, word] of expected) {
      const { status, text } = await sendTo(url, app)
      if (status !== 200 || text !== `${word} /`)
        report.lost.push(`after cut ${report.cuts}: ${app} was "${word}" and answers ${status} "${text}"`)
    }
  }
  let running: Running | undefined
  try {
    for (let cut = 0; cut < cuts; cut++) {
      running = await start(config, data)
      await check(running)
      const app = `app-${cut % 5}`
      const word = `word-${cut}`
      const settings = { variables: { WORD: word } }
      if (expected.has(app) && cut % 2 === 1) await running.client.configure(app, settings)
      else await running.client.deploy(app, artifact, { settings })
      expected.set(app, word)
      report.acknowledged++
      await disk.cut()
      report.cuts++
      await killTree(running.child.pid as number)
      await disk.restore()
    }
    running = await start(config, data)
    await check(running)
    return report
  } finally {
    if (running !== undefined) await killTree(running.child.pid as number)
  }
}

async function start(config: string, data: string): Promise<Running> {
  const child = spawn(process.execPath, [CLI, 'host', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const urls = new Promise<[string, string]>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        const found = lines.join('\n').match(/http:\/\/127\.0\.0\.1:\d+/g)
        if (found !== null && found.length >= 2) resolve([found[0], found[1] as string])
      })
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`The host did not start:\n${lines.join('\n')}`)
  })
  const [url, adminUrl] = await Promise.race([urls, ended])
  ended.catch(() => {})
  const token = (await readFile(join(data, 'admin.token'), 'utf8')).trim()
  return { child, url, client: new DeployClient({ url: adminUrl, token }) }
}
