import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { UnmoorError } from '../../../core/errors.ts'
import { inheritedVariables } from '../../node-server/local/child.ts'
import { docker } from '../build/docker.ts'

/**
 * Runtime of the local Lambda function: our bootstrap, AWS's own client (aws-lambda-ric), or the image in a
 * container.
 */
export type LambdaRuntime = 'bootstrap' | 'ric' | 'container'
export const RUNTIMES = ['bootstrap', 'ric', 'container'] as const satisfies readonly LambdaRuntime[]

/** A started execution environment of the Lambda function. */
export interface Launched {
  readonly child: ChildProcess
  /** Kills the Lambda environment at once. */
  readonly kill: () => void
  /**
   * Suspends all processes in the Lambda environment; `thaw` resumes them. Default: by signals to `child`.
   */
  readonly freeze?: () => Promise<unknown>
  readonly thaw?: () => Promise<unknown>
}

/** Starts one Lambda environment behind the Runtime API at `address`. */
export type Launch = (address: string) => Launched

/** Options of {@link createLaunch}. */
export interface LaunchOptions {
  /** Folder of the Lambda artifact. */
  dir: string
  /** Environment variables of the Lambda function's process. */
  variables: Readonly<Record<string, string>>
  /**
   * If true, stack traces of the function name the app's own files, by the source map of a development build.
   * Default: false.
   */
  development?: boolean | undefined
  /** Image of the Lambda function, for the runtime `container`. */
  image?: string | undefined
}

/**
 * Returns the function that starts Lambda environments with the given Lambda runtime. @throws `NotFound` if
 * aws-lambda-ric is not installed.
 */
export function createLaunch(runtime: LambdaRuntime, options: LaunchOptions): Launch {
  if (runtime === 'container') return launchContainer(options)
  const main = runtime === 'ric' ? [findRic(options.dir), 'index.handler'] : [join(options.dir, 'index.mjs')]
  const args = [...(options.development === true ? ['--enable-source-maps'] : []), ...main]
  const env = { ...inheritedVariables(), ...options.variables, LAMBDA_TASK_ROOT: options.dir }
  return (address) => {
    const child = spawn(process.execPath, args, {
      cwd: options.dir,
      env: { ...env, AWS_LAMBDA_RUNTIME_API: address },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { child, kill: () => void child.kill('SIGKILL') }
  }
}

/** Runs a container image as Lambda does: a user without rights, a read-only root file system, and a /tmp. */
function launchContainer({ variables, image }: LaunchOptions): Launch {
  if (image === undefined)
    throw new UnmoorError('Internal', 'There is no image to run.', { operation: 'start' })
  return (address) => {
    const name = `unmoor-${crypto.randomUUID()}`
    const values: Record<string, string> = {
      ...variables,
      LAMBDA_TASK_ROOT: '/var/task',
      AWS_LAMBDA_RUNTIME_API: address,
    }
    // The Lambda container uses the host's network, because the Runtime API and the local services listen
    // only on the loopback interface.
    const isolation = [
      '--network',
      'host',
      '--read-only',
      '--tmpfs',
      '/tmp',
      '--user',
      '993:990',
      '--cap-drop',
      'ALL',
      '--memory',
      '1024m',
    ]
    // Environment variables are passed to Docker by name only: everyone on this machine could read a value on
    // the command line.
    const names = Object.keys(values).flatMap((variable) => ['--env', variable])
    const child = spawn('docker', ['run', '--rm', '--name', name, ...isolation, ...names, image], {
      env: { ...inheritedVariables(), ...dockerVariables(), ...values },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return {
      child,
      kill() {
        // Killing the Docker client alone would leave the container running.
        void docker(['kill', name]).catch(() => undefined)
        setTimeout(() => child.kill('SIGKILL'), 2000).unref()
      },
      freeze: () => docker(['pause', name]),
      thaw: () => docker(['unpause', name]),
    }
  }
}

function dockerVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name.startsWith('DOCKER_')),
  ) as Record<string, string>
}

/** Folder in which aws-lambda-ric is built once per machine. */
const CACHE = join(homedir(), '.cache/unmoor')

function cached(): string[] {
  return existsSync(CACHE)
    ? readdirSync(CACHE)
        .filter((name) => name.startsWith('aws-lambda-ric-'))
        .map((name) => join(CACHE, name))
    : []
}

/**
 * Finds the main file of AWS's Runtime Interface Client: UNMOOR_RIC's, one of the project, or one in
 * ~/.cache/unmoor.
 */
export function findRic(dir: string): string {
  const own = process.env['UNMOOR_RIC']
  const main = 'index.mjs'
  if (own !== undefined && existsSync(join(own, main))) return join(own, main)
  for (const from of [dir, process.cwd(), ...cached()]) {
    try {
      return join(dirname(createRequire(join(from, 'any.js')).resolve('aws-lambda-ric/package.json')), main)
    } catch {
      // This folder has no aws-lambda-ric, so the next candidate folder is tried.
    }
  }
  throw new UnmoorError(
    'NotFound',
    'aws-lambda-ric is not installed. It is built on this machine (cmake, g++, make, xz-utils, python3; ' +
      'about a minute): npm install --prefix ~/.cache/unmoor/aws-lambda-ric-4.0.2 aws-lambda-ric@4.0.2, ' +
      'or elsewhere with UNMOOR_RIC=DIR/node_modules/aws-lambda-ric.',
    { operation: 'start' },
  )
}
