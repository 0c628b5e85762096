/**
 * `unmoor deploy --target T`: checks and builds the app, and runs the plan that the target's adapter makes.
 */
import { join, resolve } from 'node:path'
import type { Adapter, ArtifactInfo, Log } from '../../adapter.ts'
import type { DeployContext, DeployPlan } from '../../deploy.ts'
import { isUnmoorError, UnmoorError } from '../../errors.ts'
import { checkOptions } from '../../option-table.ts'
import { loadAdapter } from '../build/adapters.ts'
import { buildApp, readArtifact } from '../build/build.ts'
import { configError } from '../build/config-check.ts'
import { environmentDeployOptions, targetFolder } from '../build/environments.ts'
import { resolveFrom } from '../build/packages.ts'
import type { LoadedSettings, WorkerChoice } from '../build/project.ts'
import { readEnvFile } from '../build/variables.ts'
import { checkApp } from '../check/check.ts'
import { formatFinding } from '../check/report-text.ts'
import { contractingStatements } from './expansion.ts'
import { lastLines, runProgram } from './program.ts'
import { createTrial } from './smoke.ts'

/** What `unmoor deploy --target T` was told. */
export interface DeployRequest {
  readonly target: string
  readonly settings: LoadedSettings
  readonly worker: WorkerChoice | undefined
  /** Environment that the command line names. Default: none. */
  readonly environment: string | undefined
  /** Artifact to deploy in place of a new build. Default: the app is checked and built. */
  readonly dir: string | undefined
  /** File with secrets to set. Default: none. */
  readonly secrets: string | undefined
  /** Version to go back to, or true for the one before. Default: no rollback. */
  readonly rollback: string | true | undefined
  readonly log: Log & { step<T>(what: string, work: () => Promise<T>): Promise<T> }
}

/** A deploy whose plan is made: nothing is changed so far. */
export interface PreparedDeploy {
  readonly plan: DeployPlan
  readonly info: ArtifactInfo
}

/**
 * Checks and builds the app, and asks the target's adapter for the plan. Writes nothing but the artifact.
 *
 * @throws `Unsupported` for a target whose adapter cannot deploy; `InvalidArgument` for a wrong option and
 * for an app in which `unmoor check` finds errors.
 */
export async function prepareDeploy(request: DeployRequest): Promise<PreparedDeploy> {
  const { target, settings, log } = request
  const adapter = await loadAdapter(target, settings.projectDir, settings.config)
  const { deploy } = adapter
  if (deploy === undefined)
    throw new UnmoorError(
      'Unsupported',
      `The target "${adapter.name}" has no deploys: its adapter has no "deploy". Run "unmoor build ` +
        `--target ` +
        `${adapter.name}" and deploy the folder by hand.`,
      { operation: 'config' },
    )
  const path = `targets.${adapter.name}.deploy`
  const { options } = checkOptions(
    environmentDeployOptions(settings.config, adapter.name, deploy.places),
    deploy.options,
    {
      path,
      owner: `deploys of "${adapter.name}"`,
      refuse: (message) => {
        throw configError(message)
      },
    },
  )
  const trial = createTrial(options, path)
  const secretsFile = request.secrets === undefined ? undefined : resolve(request.secrets)
  const secrets = secretsFile === undefined ? {} : await readEnvFile(secretsFile, true)
  const { dir, info } = await findArtifact(request, adapter)
  const context: DeployContext = {
    projectDir: settings.projectDir,
    dir,
    info,
    options,
    secrets,
    secretsFile,
    log,
    run: (program, args, given) => runProgram(program, args, { cwd: dir, ...given }),
    lastLines,
    resolve: (specifier) => resolvePackage(specifier, settings.projectDir),
    smoke: (origin, headers) => trial.smoke(origin, headers),
    watch: (origin) => trial.watch(origin),
    watchSeconds: trial.seconds,
    smokeRequests: trial.requests,
    smokeText: trial.text,
    contracting: contractingStatements,
  }
  const plan = await log.step('Reading what is deployed', () =>
    request.rollback === undefined
      ? deploy.plan(context)
      : deploy.rollback(context, request.rollback === true ? undefined : request.rollback),
  )
  return { plan, info }
}

/** Returns the artifact: a new one of the checked app, or the one that the request names. */
async function findArtifact(
  request: DeployRequest,
  adapter: Adapter,
): Promise<{ dir: string; info: ArtifactInfo }> {
  const { settings, environment, log, worker } = request
  const { projectDir } = settings
  const folder = join(projectDir, '.unmoor', targetFolder(adapter.name, environment))
  const dir = request.dir === undefined ? folder : resolve(request.dir)
  if (request.dir === undefined && request.rollback === undefined) {
    const isWorker = worker !== undefined || settings.config.worker !== undefined
    if (!isWorker) await log.step('Checking', () => refuseFindings(request, adapter.name))
    await log.step('Building', () => buildApp({ projectDir, target: adapter.name, worker, environment, log }))
  }
  const info = await readArtifact(dir, adapter.name, environment)
  if (info.target !== adapter.name)
    throw configError(`${dir} was built for "${info.target}", not for "${adapter.name}".`)
  if (info.testChannel)
    throw configError(`${dir} was built for tests, and answers their channel. Build it without.`)
  return { dir, info }
}

async function refuseFindings(
  { settings: { projectDir }, environment, log }: DeployRequest,
  target: string,
): Promise<void> {
  const checked = await checkApp({ projectDir, targets: [target], environment })
  for (const finding of checked.findings) log.warn(formatFinding(finding, checked))
  const errors = checked.findings.filter(({ severity }) => severity === 'error').length
  if (errors === 0) return
  throw new UnmoorError(
    'InvalidArgument',
    `"unmoor check --target ${target}" finds ${errors === 1 ? 'an error' : `${errors} errors`}. Nothing ` +
      `was ` +
      'changed. Mend it, or silence it with a comment: // unmoor-ignore RULE: why',
    { operation: 'deploy' },
  )
}

function resolvePackage(specifier: string, projectDir: string): string | undefined {
  for (const from of [projectDir, import.meta.dirname]) {
    try {
      return resolveFrom(from, specifier)
    } catch (error) {
      if (isUnmoorError(error)) throw error
    }
  }
  return undefined
}
