/** A deployment with the data route, and `unmoor queue` against it. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp, type BuildOptions } from '../../core/tools/build/build.ts'
import { type CommandResult, runUnmoor } from '../unit/cli-process.ts'
import type { TempProject } from '../unit/temp-project.ts'

const TOKEN: string = randomUUID()
const SILENT = { info() {}, warn() {} }

export async function start(
  of: TempProject,
  target: string,
  options: Pick<BuildOptions, 'dataRoute' | 'strict' | 'worker'> = {},
): Promise<LocalRuntime> {
  const id = randomUUID()
  const { outDir, info, adapter } = await buildApp({
    projectDir: of.dir,
    target,
    outDir: join(of.dir, 'out', id),
    dataRoute: true,
    ...options,
    log: SILENT,
  })
  return adapter.start({
    dir: outDir,
    info,
    dataDir: join(of.dir, 'data', id),
    port: 0,
    variables: options.dataRoute === false ? {} : { UNMOOR_DATA_TOKEN: TOKEN },
    onOutput() {},
    log: SILENT,
  })
}

export const queue = (url: string, args: readonly string[], token = TOKEN): Promise<CommandResult> =>
  runUnmoor(['queue', ...args, '--url', url, '--token', token])

export async function json(url: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await queue(url, [...args, '--reporter', 'json'])
  return JSON.parse(stdout) as Record<string, unknown>
}

/** What `list` prints, without the time that passed and the padding for it. */
export async function listedText(url: string): Promise<string> {
  const { stdout } = await queue(url, ['list'])
  return stdout.replaceAll(/ since \d+ (?:s|min|h|d),/g, ' since N s,').replaceAll(/ {3,}/g, '  ')
}

export interface Listed {
  name: string
  driver: string
  depth: { ready: number; delayed: number; leased: number } | null
  deadLetterQueue?: string
}

export async function list(url: string): Promise<Record<string, Listed>> {
  const { queues } = (await json(url, ['list'])) as unknown as { queues: Listed[] }
  return Object.fromEntries(queues.map((one) => [one.name, one]))
}

export interface Peeked {
  id: string
  state: string
  attempts: number
  sent: string
  size: number
  encoding: string
  cut: boolean
  body: unknown
}

export const peek = async (url: string, args: readonly string[]): Promise<Peeked[]> =>
  ((await json(url, ['peek', ...args])) as unknown as { messages: Peeked[] }).messages
