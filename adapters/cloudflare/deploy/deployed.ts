/** Reads what is deployed on Cloudflare: the Worker, its secrets and resources. Changes nothing. */
import { createHash } from 'node:crypto'
import type { WranglerConfig } from '../build/wrangler.ts'
import type { Wrangler } from './wrangler-commands.ts'

/** Share of traffic that a version of a Worker has. */
export interface Share {
  readonly version_id: string
  readonly percentage: number
}

/** A deployment of a Worker, as wrangler lists it. */
interface Deployment {
  readonly created_on: string
  readonly versions: readonly Share[]
}

/** A binding of a deployed version, as far as a plan needs it. */
interface DeployedBinding {
  readonly type: string
  readonly name: string
  readonly queue_name?: string
}

/** A Worker that is deployed. */
export interface DeployedWorker {
  /** Versions with traffic, the largest share first. */
  readonly shares: readonly Share[]
  /** Deployments, the newest first. */
  readonly deployments: readonly Deployment[]
  readonly bindings: readonly DeployedBinding[]
  /** Names of the Worker's secrets. */
  readonly secrets: ReadonlySet<string>
  readonly mark: Mark
}

/**
 * What a deploy of unmoor notes in the message of a version, because no command of wrangler tells it: a hash
 * of the triggers, and the last migration of the Durable Object classes. Undefined fields are not known.
 */
export interface Mark {
  readonly triggers: string | undefined
  readonly classes: string | undefined
}

/** Returns the mark of a configuration. */
export function markOf(config: WranglerConfig): Required<{ [Name in keyof Mark]: string }> {
  const { routes, workers_dev: workersDev, triggers, queues } = config
  const text = JSON.stringify([routes, workersDev, triggers, queues?.consumers])
  return {
    triggers: createHash('sha256').update(text).digest('hex').slice(0, 12),
    classes: config.migrations?.at(-1)?.tag ?? 'none',
  }
}

/** Returns the message of a version, which {@link readMark} reads. */
export function markText(config: WranglerConfig): string {
  const { triggers, classes } = markOf(config)
  return `unmoor deploy: triggers ${triggers}, classes ${classes}`
}

function readMark(message: string | undefined): Mark {
  const found = /^unmoor deploy: triggers (\w+), classes ([\w-]+)$/.exec(message ?? '')
  return { triggers: found?.[1], classes: found?.[2] }
}

/** Returns the Worker that is deployed; undefined if there is none of that name. */
export async function readWorker(wrangler: Wrangler): Promise<DeployedWorker | undefined> {
  const listed = (await wrangler.read(['deployments', 'list', '--json'], /\b10007\]/)) as
    | readonly Deployment[]
    | undefined
  const deployments = (listed ?? []).toSorted((a, b) => b.created_on.localeCompare(a.created_on))
  const shares = (deployments[0]?.versions ?? []).toSorted((a, b) => b.percentage - a.percentage)
  const [main] = shares
  if (main === undefined) return undefined
  const [version, secrets] = await Promise.all([
    readVersion(wrangler, main.version_id),
    wrangler.read(['secret', 'list', '--format', 'json']) as Promise<readonly { name: string }[]>,
  ])
  return {
    shares,
    deployments,
    bindings: version.bindings,
    secrets: new Set(secrets.map(({ name }) => name)),
    mark: version.mark,
  }
}

/** Returns the bindings and the mark of a version. */
export async function readVersion(
  wrangler: Wrangler,
  id: string,
): Promise<{ bindings: readonly DeployedBinding[]; mark: Mark }> {
  const { annotations, resources } = (await wrangler.read(['versions', 'view', id, '--json'])) as {
    annotations?: Readonly<Record<string, string>>
    resources?: { bindings?: readonly DeployedBinding[] }
  }
  return { bindings: resources?.bindings ?? [], mark: readMark(annotations?.['workers/message']) }
}

/** Returns the queues of the configuration that do not exist. A queue that a deployed version uses exists. */
export async function missingQueues(
  { queues }: WranglerConfig,
  worker: DeployedWorker | undefined,
  wrangler: Wrangler,
): Promise<string[]> {
  const used = new Set(worker?.bindings.flatMap(({ queue_name: name }) => name ?? []))
  const unsure = (queues?.producers ?? []).map(({ queue }) => queue).filter((queue) => !used.has(queue))
  const found = await Promise.all(
    unsure.map(
      async (queue) => (await wrangler.exists(['queues', 'info', queue], /does not exist/)) || queue,
    ),
  )
  return found.filter((queue) => queue !== true)
}

/** A D1 database and the names of the migrations that it has recorded. */
export interface DeployedDatabase {
  readonly exists: boolean
  readonly applied: ReadonlySet<string>
}

/** Returns what the database `name` has recorded of its migrations. */
export async function readDatabase(wrangler: Wrangler, name: string): Promise<DeployedDatabase> {
  const query = 'SELECT name FROM d1_migrations'
  const args = ['d1', 'execute', name, '--remote', '--json', '--command', query]
  const read = (await wrangler.read(args, /Couldn't find|no such table/)) as
    | readonly { results?: readonly { name: string }[] }[]
    | undefined
  if (read === undefined)
    return {
      exists: await wrangler.exists(['d1', 'info', name, '--json'], /Couldn't find/),
      applied: new Set(),
    }
  return { exists: true, applied: new Set(read[0]?.results?.map((row) => row.name.replace(/\.sql$/, ''))) }
}
