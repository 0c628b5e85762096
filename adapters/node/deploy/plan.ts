/** The plans of `unmoor deploy --target node`: releases on a server, a symlink, and `/readyz`. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DeployContext, DeployPlan, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { NodeDeployOptions } from './options.ts'
import {
  readServer,
  removeReleases,
  type ServerState,
  switchRelease,
  tryRelease,
  watchReady,
} from './remote.ts'
import { createServer, quote, type Server } from './ssh.ts'

/** Oldest Node that runs an artifact. */
const OLDEST_NODE = 24

/** What the steps of a deploy to a server are made from. */
interface Place {
  readonly context: DeployContext
  readonly server: Server
  readonly state: ServerState
  readonly path: string
  readonly envFile: string
  readonly restart: string
  readonly ready: string
  readonly seconds: number
  readonly keep: number
  readonly url: string | undefined
}

/** Returns the plan that deploys the artifact. Only reads. */
export async function plan(context: DeployContext): Promise<DeployPlan> {
  if (context.secretsFile !== undefined)
    throw wrong('--secrets: the secrets of a server are in its env file (targets.node.deploy.envFile).')
  const place = await readPlace(context)
  const { state } = place
  const checked = checkVariables(place)
  const confirm: string[] = []
  if (state.current === null)
    confirm.push(
      `No release of this app is on the server yet: there is none to go back to if the first one fails.`,
    )
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const release = `${time}-${randomBytes(2).toString('hex')}`
  const steps = [
    ...(await uploadSteps(place, release)),
    ...migrationSteps(place, release, confirm),
    ...smokeSteps(place, release, confirm),
    switchStep(place, release),
    ...watchSteps(place),
    cleanStep(place),
  ]
  const serving = state.current === null ? undefined : `release ${state.current}`
  return { serving, checked, steps, confirm, served: () => `release ${release}` }
}

/** Returns the plan that brings an earlier release back. Only reads. */
export async function rollback(context: DeployContext, version: string | undefined): Promise<DeployPlan> {
  const place = await readPlace(context)
  const { current, releases } = place.state
  if (current === null) throw missing(`${place.path} has no current release to go back from.`)
  const release = version ?? releases.filter((name) => name < current).at(-1)
  if (release === undefined || !releases.includes(release))
    throw missing(
      `There is no release ${release ?? 'before the current one'} ` +
        `in ${place.path}/releases. Releases: ${releases.join(', ')}.`,
    )
  return {
    serving: `release ${current}`,
    checked: [],
    steps: [switchStep(place, release), ...watchSteps(place)],
    confirm: [],
    served: () => `release ${release}`,
  }
}

async function readPlace(context: DeployContext): Promise<Place> {
  const options = context.options as NodeDeployOptions
  const { host, restart, path = `/srv/${context.info.manifest.name}`, envFile = 'env' } = options
  const { ready = 'http://127.0.0.1:9090/readyz' } = options
  if (host === undefined || host === '' || restart === undefined || restart === '')
    throw wrong(
      `targets.node.deploy.${host === undefined || host === '' ? 'host' : 'restart'} is missing. Write ` +
        `deploy: { host: 'user@server', restart: 'sudo systemctl restart ${context.info.manifest.name}' }.`,
    )
  if (!path.startsWith('/'))
    throw wrong(`targets.node.deploy.path is "${path}"; it takes an absolute path on the server.`)
  if (!URL.canParse(ready)) throw wrong(`targets.node.deploy.ready is "${ready}"; it takes a URL.`)
  const server = createServer(context, { ...options, host })
  const place = { path, envFile: posix.resolve(path, envFile) }
  const state = await server.call(readServer, place)
  if (Number.parseInt(state.node.slice(1), 10) < OLDEST_NODE)
    throw missing(
      `${host} has Node ${state.node}; the app needs Node ${OLDEST_NODE} or later. Install it, or name it ` +
        `as ` +
        'targets.node.deploy.node.',
    )
  return {
    context,
    server,
    state,
    ...place,
    restart,
    ready,
    seconds: options.readyTimeout ?? 60,
    keep: options.keep ?? 5,
    url: options.url,
  }
}

/** @throws `NotFound` naming each variable and secret that the env file of the server lacks. */
function checkVariables({ context: { info }, state, envFile }: Place): string[] {
  const required = Object.entries(info.manifest.bindings).flatMap(([binding, declaration]) => {
    const isRequired =
      (declaration.kind === 'variable' && declaration.default === undefined) ||
      (declaration.kind === 'secret' && !declaration.optional && info.drivers[binding]?.driver === 'env')
    return isRequired ? [{ name: constantCase(binding), kind: declaration.kind, binding }] : []
  })
  const lacking = required.filter(({ name }) => state.variables?.includes(name) !== true)
  if (lacking.length > 0)
    throw missing(
      `${info.environment === undefined ? 'The server' : `The environment "${info.environment}"`} lacks ` +
        `${lacking.map(({ name, kind, binding }) => `${name} (${kind} "${binding}")`).join(', ')}. ` +
        'Nothing was ' +
        `changed. Write each as NAME=value to ${envFile} on the server, which the service reads too.`,
    )
  const names = required.map(({ name }) => name)
  return [
    `Node ${state.node}`,
    ...(names.length === 0 ? [] : [`variables and secrets exist: ${names.join(', ')}`]),
  ]
}

async function uploadSteps({ context, server, path }: Place, release: string): Promise<DeployStep[]> {
  const description = JSON.parse(await readFile(join(context.dir, 'package.json'), 'utf8')) as {
    dependencies?: object
  }
  const to = `${path}/releases/${release}`
  const part = quote(`${to}.part`)
  const install =
    description.dependencies === undefined ? '' : ' && npm install --omit=dev --no-audit --no-fund'
  const unpack = `mkdir -p ${part} && cd ${part} && tar -xzf -${install} && mv ${part} ${quote(to)}`
  return [
    {
      phase: 'upload',
      title: `Upload release ${release}`,
      command: `tar -cz . | ${server.text(unpack)}`,
      changes: `a new folder ${to}, which nothing runs`,
      undo: 'the folder stays until releases are removed',
      run: async () => {
        const folder = await mkdtemp(join(tmpdir(), 'unmoor-release-'))
        try {
          const file = join(folder, 'release.tgz')
          // Packages with machine code are those of this machine, and the server installs its own.
          await context.run('tar', ['-czf', file, '--exclude=./node_modules', '-C', context.dir, '.'])
          const archive = await readFile(file)
          await server.shell(unpack, archive)
          return `${Math.ceil(archive.length / 1024)} KB`
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      },
    },
  ]
}

function migrationSteps(
  { context, server, state, path, envFile }: Place,
  release: string,
  confirm: string[],
): DeployStep[] {
  const { info } = context
  const all = Object.entries(info.migrations).filter(([, migrations]) => migrations.length > 0)
  if (all.length === 0) return []
  const pending = all.flatMap(([binding, migrations]) => {
    const known = state.migrations[binding] ?? []
    const after = migrations.filter(({ name }) => !known.includes(name))
    const dialect = info.drivers[binding]?.driver === 'postgres' ? 'postgres' : 'sqlite'
    for (const statement of state.current === null ? [] : context.contracting(after, dialect))
      confirm.push(
        `A migration of "${binding}" does more than expand, and the code that serves may not survive it: ` +
          statement,
      )
    return after.map(({ name }) => name)
  })
  if (pending.length === 0) return []
  const command =
    `cd ${quote(`${path}/releases/${release}`)} && ` +
    `${nodeOf(context)} --env-file-if-exists=${quote(envFile)} server.mjs migrate`
  return [
    {
      phase: 'migrations',
      title: `Apply ${pending.join(', ')}`,
      command: server.text(command),
      changes: "the tables of the app's databases",
      undo: 'never: the code that serves runs on the new tables',
      run: async () => (await server.shell(command)).trim().split('\n').at(-1),
    },
  ]
}

function nodeOf({ options }: DeployContext): string {
  return quote((options as NodeDeployOptions).node ?? 'node')
}

/** A second process would take messages and run crons, so that only an app without them is tried apart. */
function smokeSteps(
  { context, server, path, envFile, seconds }: Place,
  release: string,
  confirm: string[],
): DeployStep[] {
  const { crons, queues } = context.info.manifest
  if (queues.length > 0 || Object.keys(crons).length > 0) {
    confirm.push(
      'The app has consumers of queues or crons, which a process on trial would run untried: the new ' +
        'release gets ' +
        'its traffic at the restart.',
    )
    return []
  }
  return [
    {
      phase: 'smoke',
      title: 'Try the new release on a port of its own',
      command:
        server.text(`cd ${path}/releases/${release} && PORT=0 node server.mjs`) + `; ${context.smokeText}`,
      changes: 'nothing, except for what the app does with these requests',
      undo: 'nothing to undo',
      run: () =>
        server.call(tryRelease, { path, release, envFile, requests: context.smokeRequests, seconds }),
    },
  ]
}

function switchStep({ server, state, path, restart, ready, seconds }: Place, release: string): DeployStep {
  const move = (to: string): string =>
    `cd ${quote(path)} && ln -sfn releases/${to} current.new && mv -T current.new current && ${restart}`
  const to = (name: string | null): Promise<void> =>
    server.call(switchRelease, { path, release: name, restart, ready, seconds })
  const before = state.current
  return {
    phase: 'switch',
    title: `Lead current to ${release}, restart, and wait for ${ready}`,
    command: `${server.text(move(release))}; GET ${ready}`,
    changes: 'the release that serves, after a restart',
    undo: before === null ? 'nothing served before' : server.text(move(before)),
    run: async () => {
      await to(release)
      return undefined
    },
    ...(before === null ? { oneWay: true } : { revert: () => to(before) }),
  }
}

function watchSteps({ context, server, ready, url }: Place): DeployStep[] {
  const seconds = context.watchSeconds
  if (seconds === 0) return []
  const at = url ?? ready
  return [
    {
      phase: 'watch',
      title: `Watch ${at} for ${seconds} s`,
      command:
        `${url === undefined ? `GET ${ready} on the server` : `${context.smokeText} of ${url}`}, ` +
        `once a second`,
      changes: 'nothing',
      undo: 'nothing to undo',
      run: async () => {
        await (url === undefined ? server.call(watchReady, { ready, seconds }) : context.watch(url))
        return undefined
      },
    },
  ]
}

/** Releases that cannot be removed are no reason to take the new one back. */
function cleanStep({ context, server, state, path, keep }: Place): DeployStep {
  return {
    phase: 'clean',
    title: `Keep the last ${keep} releases`,
    command: server.text(`cd ${path}/releases && ls | head -n -${keep} | xargs rm -rf`),
    changes: 'older releases are removed, but never the one before',
    undo: 'not possible: build them again',
    run: async () => {
      const removed = await server
        .call(removeReleases, { path, keep, before: state.current })
        .catch((error: unknown) => {
          context.log.warn(`Old releases stay: ${error instanceof Error ? error.message : String(error)}`)
          return []
        })
      return removed.length === 0 ? undefined : `removed ${removed.join(', ')}`
    },
  }
}

function missing(message: string): UnmoorError {
  return new UnmoorError('NotFound', message, { operation: 'deploy' })
}

function wrong(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}
