import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { UnmoorError } from '../../../../errors.ts'

const own = fileURLToPath(import.meta.url)
const CLI = join(own, `../../../../cli/main${extname(own)}`)

/** A running `unmoor host` under soak, started as a user starts it. */
export interface HostProcess {
  readonly url: string
  readonly adminUrl: string
  /**
   * Returns megabytes of the `unmoor host` command and all its child processes: proportional set size, so
   * that shared memory counts once. Linux only; 0 elsewhere.
   */
  memory(): number
  /** Stops the host under soak; resolves to its exit code. */
  stop(): Promise<number | null>
}

/** Starts `unmoor host` with a data folder and an admin token, and no apps. */
export async function startHostProcess(options: {
  dataDir: string
  token: string
  processes: number | undefined
  onOutput(line: string): void
}): Promise<HostProcess> {
  const args = [
    'host',
    '--port',
    '0',
    '--admin-port',
    '0',
    '--data-dir',
    options.dataDir,
    '--reporter',
    'json',
  ]
  if (options.processes !== undefined) args.push('--processes', String(options.processes))
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, UNMOOR_HOST_TOKEN: options.token },
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  createInterface({ input: child.stderr }).on('line', (line) => options.onOutput(line))
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>,
    ended,
  ])
  if (typeof first[0] !== 'string')
    throw new UnmoorError(
      'Unavailable',
      `unmoor host ended with code ${String(first[0])} before it listened.`,
    )
  const { url, adminUrl } = JSON.parse(first[0]) as { url: string; adminUrl: string }
  return {
    url,
    adminUrl,
    memory: () => memoryBelow(child.pid as number),
    async stop() {
      child.kill('SIGTERM')
      return (await ended)[0]
    },
  }
}

function memoryBelow(root: number): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(`/proc/${name}/stat`)
    // In /proc the process name, in parentheses, may contain anything; the parent is the second field after
    // it.
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid === root || (pid !== undefined && pid > 1 && isBelow(parents.get(pid)))
  let kilobytes = 0
  for (const pid of parents.keys())
    if (isBelow(pid))
      kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
  return kilobytes / 1024
}

/** Reads a file of /proc; returns an empty text if the process has ended or there is no /proc. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
