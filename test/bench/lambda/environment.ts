import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findRic } from '../../../adapters/lambda/local/launch.ts'
import { createRuntimeApi, type RuntimeApi } from '../../../adapters/lambda/local/runtime-api.ts'
import { bundleBare } from '../bundle-bare.ts'
import type { Subject } from '../subject.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What runs a function: the arguments of node, and variables besides those that AWS sets. */
export interface FunctionProcess {
  readonly name: string
  readonly dir: string
  readonly args: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
}

/** A project's artifact under the runtime of the checkout that built it. */
export async function ourFunction(
  subject: Subject,
  projectDir: string,
  outDir: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<FunctionProcess> {
  const built = await subject.build({ projectDir, target: 'lambda', outDir })
  return {
    name: subject.name,
    dir: built.outDir,
    args: [join(built.outDir, 'index.mjs')],
    variables: { UNMOOR_INVOKE_MODE: 'BUFFERED', ...variables },
  }
}

/** The floor: an empty loop, bundled as an artifact is. */
export async function emptyLoop(scratch: string): Promise<FunctionProcess> {
  const file = await bundle('lambda-loop', join(scratch, 'loop'))
  return { name: 'empty loop', dir: dirname(file), args: [file] }
}

/** A handler of `servers/` under AWS's own client. */
export async function ricFunction(name: string, server: string, scratch: string): Promise<FunctionProcess> {
  const dir = join(scratch, server)
  await bundle(server, dir)
  return { name, dir, args: [findRic(dir), 'index.handler'] }
}

async function bundle(server: string, dir: string): Promise<string> {
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'index.mjs')
  await bundleBare(here(`../servers/${server}.ts`), file)
  return file
}

/** A process that asked for its first event. */
export interface StartedFunction {
  readonly api: RuntimeApi
  readonly pid: number
  /** Milliseconds from the spawn to the first call for an event. */
  readonly ms: number
  stop(): Promise<void>
}

/** Starts one, with the variables that AWS sets. */
export async function startFunction({
  name,
  dir,
  args,
  variables,
}: FunctionProcess): Promise<StartedFunction> {
  const api = await createRuntimeApi()
  const started = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: dir,
    env: {
      PATH: process.env['PATH'],
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'bench',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/bench',
      AWS_LAMBDA_LOG_STREAM_NAME: 'bench',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      LAMBDA_TASK_ROOT: dir,
      _HANDLER: 'index.handler',
      ...variables,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void ended.then(() => api.fail(new Error(`${name} ended before it was stopped.`)))
  const stop = async (): Promise<void> => {
    // AWS's client has no graceful end, and goes on asking for 15 minutes.
    child.kill('SIGKILL')
    await ended
    await api.close()
  }
  try {
    await api.started
  } catch (error) {
    await stop()
    throw error
  }
  return { api, pid: child.pid as number, ms: performance.now() - started, stop }
}
