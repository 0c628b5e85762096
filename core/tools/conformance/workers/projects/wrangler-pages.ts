/** Runs a Pages project under `wrangler pages dev`, the reference for how Pages are served. */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadMiniflare } from '../../../../../adapters/cloudflare/local/miniflare.ts'
import type { RunningWorker } from '../running-worker.ts'

/** Environment variables that stop wrangler from sending data to anybody. */
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  CI: 'true',
  NO_COLOR: '1',
}
const ARGUMENTS = ['pages', 'dev', '--ip', '127.0.0.1', '--port', '0', '--inspector-port', '0']

/** Serves the Pages project with `wrangler pages dev`, which signals by an IPC message that it is ready. */
export async function startPages(
  projectDir: string,
): Promise<Pick<RunningWorker, 'url' | 'runtime' | 'stop'>> {
  const { wrangler, versions } = loadMiniflare()
  const { bin } = JSON.parse(readFileSync(wrangler, 'utf8')) as { bin: { wrangler: string } }
  const child = fork(join(dirname(wrangler), bin.wrangler), ARGUMENTS, {
    cwd: projectDir,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...QUIET },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-8192)))
  const ended = new Promise<void>((fulfil) => child.once('close', () => fulfil()))
  const port = await new Promise<number>((fulfil, reject) => {
    child.on('message', (message) => {
      const { event, port: told } = JSON.parse(message as string) as { event?: string; port?: number }
      if (event === 'DEV_SERVER_READY' && told !== undefined) fulfil(told)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`wrangler pages dev ended: ${output}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    runtime: `workerd ${versions.workerd} and wrangler ${versions.wrangler}`,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
