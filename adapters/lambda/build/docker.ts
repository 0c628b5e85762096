import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UnmoorError } from '../../../core/errors.ts'
import { nodeBaseImage } from './node-base.ts'

/**
 * Runs a Docker command and returns what it printed. @throws `Unavailable` with the last lines of its output.
 */
export async function docker(args: readonly string[], input?: Buffer): Promise<string> {
  // Docker's classic builder is used everywhere: BuildKit is missing on many machines, and asks a registry
  // for a base image even if it is there.
  const child = spawn('docker', args, {
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  let problems = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (problems = (problems + chunk.toString()).slice(-4000)))
  // The Docker command may end before it has read all input; its exit code then reports the failure.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [code] = (await once(child, 'close').catch((error: Error) => {
    throw new UnmoorError(
      'Unavailable',
      `docker does not run: ${error.message}. Install Docker, or start without --runtime container.`,
      {
        operation: 'docker',
        retryable: false,
        cause: error,
      },
    )
  })) as [number | null]
  if (code !== 0)
    throw new UnmoorError(
      'Unavailable',
      `docker ${args[0]} failed ` +
        `(${code}): ${withoutNotice(problems) || output.slice(-2000).trim()}${adviceFor(problems)}`,
      {
        operation: 'docker',
        retryable: false,
      },
    )
  return output
}

/** Removes the notice that Docker's classic builder prints each time. */
function withoutNotice(problems: string): string {
  return problems.replace(/^DEPRECATED: The legacy builder[\s\S]*?\n\s*\n/, '').trim()
}

function adviceFor(problems: string): string {
  const noRegistry =
    /no such host|pull access denied|manifest unknown|connection refused|i\/o timeout|toomanyrequests/i.test(
      problems,
    )
  return noRegistry
    ? '\nThe base image could not be pulled. UNMOOR_LAMBDA_BASE names one that is here, or is "local" ' +
        "for one made of this machine's Node.js."
    : ''
}

/**
 * Resolves to true if a Docker engine answers here.
 *
 * @public
 */
export async function hasDocker(): Promise<boolean> {
  return docker(['version', '--format', '{{.Server.Version}}']).then(
    (version) => version.trim() !== '',
    () => false,
  )
}

/** A built container image. */
export interface Image {
  /** Id of the container image. */
  readonly id: string
  /** Size of the container image in bytes. */
  readonly size: number
  /** Digests of the container image's layers; the app's layer is the last one that is not empty. */
  readonly layers: readonly string[]
}

/**
 * Builds the Lambda artifact's container image. `base` is the Dockerfile's argument; `local` builds a base
 * image from this machine's own Node.js, for machines without access to a registry. Default: the variable
 * UNMOOR_LAMBDA_BASE, else the Dockerfile's.
 */
export async function buildImage(
  dir: string,
  options: { tag?: string; base?: string | undefined; cache?: boolean } = {},
): Promise<Image> {
  const wanted = options.base ?? process.env['UNMOOR_LAMBDA_BASE']
  const base = wanted === 'local' ? await localBase() : wanted
  const tag = options.tag === undefined ? [] : ['--tag', options.tag]
  const argument = base === undefined ? [] : ['--build-arg', `BASE=${base}`]
  const cache = options.cache === false ? ['--no-cache'] : []
  // Only a container image that installs packages needs the network during its build.
  const network = existsSync(join(dir, 'package.json')) ? [] : ['--network', 'none']
  const printed = await docker(['build', '--quiet', ...network, ...cache, ...tag, ...argument, dir])
  const id = printed.trim().split('\n').at(-1) ?? ''
  const [image] = JSON.parse(await docker(['image', 'inspect', id])) as {
    Size: number
    RootFS: { Layers: string[] }
  }[]
  return {
    id,
    size: image?.Size ?? 0,
    layers: (image?.RootFS.Layers ?? []).filter((layer) => layer !== EMPTY_LAYER),
  }
}

const EMPTY_LAYER = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'

async function localBase(): Promise<string> {
  const name = `unmoor-node:${process.version.slice(1)}`
  const known = await docker(['image', 'ls', '--quiet', name])
  if (known.trim() === '') await docker(['import', '-', name], await nodeBaseImage())
  return name
}
