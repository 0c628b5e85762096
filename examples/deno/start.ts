import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { type LocalRuntime, type MigrateReport, type StartOptions, UnmoorError } from 'unmoor/adapter'
import { denoFlags } from './flags.ts'
import { type Report, REPORT } from './runtime/report.ts'

const START_SECONDS = 60
/** Seconds before the server is killed. The server itself allows 30 s for a graceful stop. */
const STOP_SECONDS = 40
const KEPT_LINES = 100

/** Runs the artifact's server.mjs under Deno. */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  if (options.inspectPort !== undefined)
    throw new UnmoorError('Unsupported', 'The Deno target has no debugger port. Leave it out.', {
      operation: 'start',
    })
  const { child, report, exited } = await spawnDeno(options, [], {
    PORT: String(options.port),
    HOST: options.host ?? '127.0.0.1',
  })
  const { url, runtime } = expectReport(await report, 'listening', options.dir)
  return {
    url,
    runtime,
    pids: child.pid === undefined ? [] : [child.pid],
    exited,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_SECONDS * 1000)
      await exited
      clearTimeout(timer)
    },
  }
}

/** Applies migrations with the artifact's own drivers. */
export async function migrate(
  options: Omit<StartOptions, 'port' | 'host'> & { url?: string | undefined },
): Promise<MigrateReport> {
  if (options.url !== undefined)
    throw new UnmoorError(
      'Unsupported',
      'The Deno target has no --url: set the variables of its drivers, such as DATABASE_URL.',
      { operation: 'migrate' },
    )
  const { report, exited } = await spawnDeno(options, ['migrate'], {})
  const migrated = expectReport(await report, 'migrated', options.dir)
  await exited
  return migrated.report
}

function expectReport<Type extends Report['type']>(
  report: Report,
  type: Type,
  dir: string,
): Extract<Report, { type: Type }> {
  if (report.type === 'failed') throw new UnmoorError(report.error.code, report.error.message, report.error)
  if (report.type === type) return report as Extract<Report, { type: Type }>
  throw new UnmoorError(
    'Internal',
    `The server in ${dir} reported "${report.type}" instead of "${type}". Build the app again.`,
    { operation: 'start' },
  )
}

interface Started {
  child: ChildProcess
  /** First report of the server. */
  report: Promise<Report>
  exited: Promise<number | null>
}

async function spawnDeno(
  options: Omit<StartOptions, 'port' | 'host'>,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<Started> {
  const { dir, dataDir, onOutput } = options
  await mkdir(dataDir, { recursive: true })
  const inherited = Object.entries(process.env).filter(
    ([name]) => ['PATH', 'HOME', 'TMPDIR'].includes(name) || name.startsWith('NODE_'),
  )
  const env = {
    ...Object.fromEntries(inherited),
    ...options.variables,
    ...settings,
    ...(options.testToken === undefined ? {} : { UNMOOR_TEST_TOKEN: options.testToken }),
    DATA_DIR: dataDir,
    // Deno keeps compiled code beside the app's data, and does not look for a newer version of itself.
    DENO_DIR: join(dataDir, '.deno'),
    DENO_NO_UPDATE_CHECK: '1',
    DENO_NO_PACKAGE_JSON: '1',
    NO_COLOR: '1',
    UNMOOR_STDIN: 'parent',
  }
  // An open stdin tells the server that this process is alive; the server stops when stdin ends.
  const child = spawn(denoProgram(), ['run', ...denoFlags(dataDir), join(dir, 'server.mjs'), ...args], {
    cwd: dataDir,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<Report>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (line.startsWith(REPORT)) return resolve(JSON.parse(line.slice(REPORT.length)) as Report)
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      onOutput?.(line)
    })
  }
  const exited = new Promise<number | null>((ended) => {
    child.once('close', (code, signal) => {
      // A server that was ended by a signal has no exit code, so the signal is logged.
      if (signal !== null) options.log.warn(`the server was ended by ${signal}`)
      ended(code)
    })
    child.once('error', () => ended(null))
  })
  const fail = (code: 'Timeout' | 'Unavailable', what: string): void => {
    const output = lines.length === 0 ? ' It printed nothing.' : ` Its last output:\n${lines.join('\n')}`
    reject(
      new UnmoorError(code, `The server in ${dir} ${what}.${output}`, {
        operation: 'start',
        retryable: false,
      }),
    )
  }
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    fail('Timeout', `was not ready within ${START_SECONDS} s`)
  }, START_SECONDS * 1000)
  void exited.then((code) => fail('Unavailable', `ended with code ${code} before it was ready`))
  void promise.finally(() => clearTimeout(timer)).catch(() => {})
  return { child, report: promise, exited }
}

/** Returns the `deno` that npm installed beside this adapter, or else the one in PATH. */
function denoProgram(): string {
  let found: string | undefined
  try {
    found = join(dirname(createRequire(import.meta.url).resolve('deno/package.json')), '../.bin/deno')
  } catch {
    found = (process.env['PATH'] ?? '')
      .split(delimiter)
      .map((folder) => join(folder, 'deno'))
      .find((path) => existsSync(path))
  }
  if (found !== undefined && existsSync(found)) return found
  throw new UnmoorError('NotFound', 'The Deno target needs Deno. Run: npm install --save-dev deno', {
    operation: 'start',
  })
}
