/** `unmoor deploy --host URL`: sends the app that was built for the isolate target to an `unmoor host`. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { DeployClient } from '../../../../adapters/isolate/host/admin/client.ts'
import type { AppDescription } from '../../../../adapters/isolate/host/admin/deploys.ts'
import { buildApp, readArtifact } from '../../build/build.ts'
import { loadConfig } from '../../build/project.ts'
import { targetFolder } from '../../build/environments.ts'
import { checkRequired, readEnvFile } from '../../build/variables.ts'
import type { DriverSpec } from '../../../adapter.ts'
import { isUnmoorError } from '../../../errors.ts'
import { usageError } from '../exit.ts'
import { checkBuiltFor, chooseProject } from '../options.ts'
import type { DeployFlags } from './flags.ts'
import { createReporter, type Reporter, shortPath } from '../reporter.ts'

/** Options of a deploy to a host: a version to go back to is a number there. */
type HostOptions = Omit<DeployFlags, 'rollback'> & { rollback?: number | true }

/** Runs `unmoor deploy --host URL`. */
export async function deployToHost(given: HostOptions): Promise<void> {
  const report = createReporter(given.reporter)
  const actions = (['list', 'rollback', 'configure', 'delete', 'deleteData'] as const).filter(
    (name) => given[name] !== undefined,
  )
  if (actions.length > 1)
    throw usageError('Use one of --list, --rollback, --configure, --delete and --delete-data.')
  const url = given.host ?? process.env['UNMOOR_HOST_URL']
  if (url === undefined || !URL.canParse(url))
    throw usageError(
      "Name the host's admin port: --host http://127.0.0.1:8788, or the variable UNMOOR_HOST_URL.",
    )
  const token = given.token ?? process.env['UNMOOR_HOST_TOKEN'] ?? ''
  if (token === '')
    throw usageError("Give the host's admin token: --token TOKEN, or the variable UNMOOR_HOST_TOKEN.")
  const { DeployClient } = await import('../../../../adapters/isolate/host/admin/client.ts')
  const client = new DeployClient({ url, token })
  if (given.list === true && given.app === undefined) return listApps(client, report)
  const { app, dir, environment } = await findApp(given)
  if (given.list === true) {
    const described = await client.describe(app)
    show(described, report)
    for (const [name, value] of Object.entries(described.settings))
      report.print(`${name}: ${JSON.stringify(value)}`)
    return
  }
  if (given.rollback !== undefined)
    return show(
      await report.step('Rolling back', () =>
        client.rollBack(app, given.rollback === true ? undefined : given.rollback),
      ),
      report,
    )
  if (given.delete === true || given.deleteData === true) {
    await report.step('Deleting', () => client.remove(app, { data: given.deleteData === true }))
    report.print(
      `${app} is not served any ` +
        `more${given.deleteData === true ? ', and its data is removed' : '; its data stays'}.`,
    )
    report.result({ name: app, deleted: true, data: given.deleteData === true })
    return
  }
  const settings = await readSettings(given)
  if (given.configure === true) {
    if (settings === undefined) throw usageError('--configure needs --settings or --secrets.')
    return show(await report.step('Changing settings', () => client.configure(app, settings)), report)
  }
  if (given.build === true && given.dir !== undefined)
    throw usageError('--build writes to .unmoor/isolate; leave out --dir.')
  if (given.build === true)
    await report.step('Building', () =>
      buildApp({
        ...chooseProject(given.project, given),
        environment: given.env,
        target: 'isolate',
        log: report,
      }),
    )
  const info = await readArtifact(dir, 'isolate', given.env)
  if (info.target !== 'isolate')
    throw usageError(`${dir} was built for "${info.target}"; a host runs what was built for isolate.`)
  checkBuiltFor(info, environment, shortPath(dir))
  if (environment !== undefined) {
    const { names, drivers } = await onHost(client, app, settings ?? {})
    checkRequired({ ...info, drivers: { ...info.drivers, ...drivers } }, (name) => names.has(name), {
      environment,
      todo: `Give "${app}" variables with --settings, and secrets with --secrets.`,
    })
  }
  show(
    await report.step(`Deploying ${app}`, () => client.deploy(app, dir, { settings, note: given.note })),
    report,
  )
}

/**
 * Finds what `unmoor deploy` needs: the artifact's folder, the app's name on the host, and the environment of
 * the config. The config is not loaded if `--dir` is given, or `--app` without `--env`.
 */
async function findApp(
  given: HostOptions,
): Promise<{ app: string; dir: string; environment: string | undefined }> {
  const { projectDir, worker } = chooseProject(given.project, given)
  if (given.dir !== undefined) {
    const dir = resolve(given.dir)
    const environment = worker === undefined ? given.env : undefined
    return { app: given.app ?? (await readArtifact(dir, 'isolate')).manifest.name, dir, environment }
  }
  if (given.app !== undefined && given.env === undefined)
    return { app: given.app, dir: resolve(projectDir, '.unmoor/isolate'), environment: undefined }
  const { name, environment } = await loadConfig(projectDir, { worker, environment: given.env })
  const dir = resolve(projectDir, '.unmoor', targetFolder('isolate', environment))
  return { app: given.app ?? name, dir, environment }
}

/** The settings of a deployed app that `unmoor deploy` reads: variables, secrets and drivers. */
interface GivenSettings {
  readonly variables?: object | null
  readonly secrets?: object | null
  readonly drivers?: Readonly<Record<string, string | DriverSpec>> | null
}

/**
 * Returns what the host has for an app once `settings` are merged: the names of variables and secrets, and
 * the drivers of bindings.
 */
async function onHost(
  client: DeployClient,
  app: string,
  { variables, secrets, drivers }: GivenSettings,
): Promise<{ names: Set<string>; drivers: Record<string, DriverSpec> }> {
  const described = await client.describe(app).catch((error: unknown) => {
    if (isUnmoorError(error) && error.code === 'NotFound') return undefined
    throw error
  })
  const before: { variables?: object; secrets?: string[]; drivers?: Record<string, string> } =
    described?.settings ?? {}
  const specs = Object.entries((drivers === undefined ? before.drivers : drivers) ?? {})
  const removed = secrets === null ? before.secrets : namesOf(secrets, (text) => text === null)
  const names = new Set([
    ...Object.keys((variables === undefined ? before.variables : variables) ?? {}),
    ...(before.secrets ?? []).filter((name) => removed?.includes(name) !== true),
    ...namesOf(secrets, (text) => text !== null),
  ])
  return {
    names,
    drivers: Object.fromEntries(
      specs.map(([binding, spec]) => [binding, typeof spec === 'string' ? { driver: spec } : spec]),
    ),
  }
}

function namesOf(texts: object | null | undefined, isWanted: (text: unknown) => boolean): string[] {
  return Object.entries(texts ?? {}).flatMap(([name, text]) => (isWanted(text) ? [name] : []))
}

async function readSettings({ settings, secrets }: HostOptions): Promise<object | undefined> {
  if (settings === undefined && secrets === undefined) return undefined
  const read = async (file: string): Promise<object> => {
    try {
      return JSON.parse(await readFile(resolve(file), 'utf8')) as object
    } catch (cause) {
      throw usageError(`--settings ${file} cannot be read: ${(cause as Error).message}`)
    }
  }
  return {
    ...(settings === undefined ? {} : await read(settings)),
    ...(secrets === undefined ? {} : { secrets: await readEnvFile(resolve(secrets), true) }),
  }
}

async function listApps(client: DeployClient, report: Reporter): Promise<void> {
  const apps = await client.list()
  // The suffix `@N` of a deployed version is the revision of the host's store, which only the host's
  // processes need.
  for (const { name, version, hosts, paths } of apps)
    report.print(`${name}  ${version.replace(/@\d+$/, '')}  ${[...hosts, ...paths].join(' ')}`)
  if (apps.length === 0) report.print('The host serves no app yet.')
  report.result({ apps })
}

function show(app: AppDescription, report: Reporter): void {
  report.print(`${app.name}: version ${app.version} is served`)
  for (const { version, created, size, note } of app.versions)
    report.print(
      `${version === app.version ? '*' : ' '} ${version}  ${created}  ${Math.ceil(size / 1024)} ` +
        `KB${note === '' ? '' : `  ${note}`}`,
    )
  report.result(app)
}
