/** The plans of `unmoor deploy --target cloudflare`, whose steps are commands of wrangler. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'jsonc-parser'
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DeployContext, DeployPlan, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { MIGRATIONS_FOLDER, type WranglerConfig } from '../build/wrangler.ts'
import {
  type DeployedWorker,
  markOf,
  missingQueues,
  readDatabase,
  readVersion,
  readWorker,
} from './deployed.ts'
import { createSteps, type PlannedDatabase, type StepsInput } from './steps.ts'
import { liveUrl, quietly, restoreArgs, servingText, unsure, watchStep } from './traffic.ts'
import { findWrangler, type Wrangler } from './wrangler-commands.ts'

/** Returns the plan that deploys the artifact. Only reads. */
export async function plan(context: DeployContext): Promise<DeployPlan> {
  const wrangler = findWrangler(context)
  const config = await readConfig(context)
  const worker = await readWorker(wrangler)
  const checked = [...checkSecrets(context, worker), ...checkVariables(context, config, worker)]
  const confirm: string[] = []
  const [queues, databases] = await Promise.all([
    missingQueues(config, worker, wrangler),
    planDatabases(context, config, wrangler, confirm),
  ])
  const mark = markOf(config)
  const isFirst = worker === undefined
  const newClasses = mark.classes !== 'none' && worker?.mark.classes !== mark.classes
  const isDirect = isFirst || newClasses
  if (isFirst)
    confirm.push(
      `There is no Worker "${config.name}" yet: its first version serves as soon as it is uploaded, and ` +
        `there is ` +
        'none to go back to.',
    )
  else if (newClasses)
    confirm.push(
      `The Durable Object classes change (migration "${mark.classes}"` +
        `${unsure(worker.mark.classes)}): Cloudflare takes such a version ` +
        'with traffic only, and has no way back to code from before.',
    )
  const input: StepsInput = { context, wrangler, config, worker, queues, databases, isDirect }
  return { ...createSteps(input, confirm), checked }
}

/** Returns the plan that brings an earlier version's code back. Only reads. */
export async function rollback(context: DeployContext, version: string | undefined): Promise<DeployPlan> {
  const wrangler = findWrangler(context)
  const config = await readConfig(context)
  const worker = await readWorker(wrangler)
  if (worker === undefined) throw refuse('NotFound', `There is no Worker "${config.name}" to bring back.`)
  const [now] = worker.shares
  const earlier = worker.deployments.flatMap(({ versions }) =>
    versions.length === 1 && versions[0]?.version_id !== now?.version_id
      ? (versions[0]?.version_id ?? [])
      : [],
  )
  const id = version ?? earlier[0]
  if (id === undefined)
    throw refuse('NotFound', `"${config.name}" has had one version only: there is none before it.`)
  const target = await readVersion(wrangler, id)
  const confirm: string[] = []
  if (target.mark.classes !== worker.mark.classes)
    confirm.push(
      `Version ${id} may be from before a change of the Durable Object classes, where Cloudflare refuses ` +
        `to go ` +
        'back.',
    )
  if (target.mark.triggers !== worker.mark.triggers || target.mark.triggers === undefined)
    confirm.push(
      'Routes, schedules and consumers of queues are no part of a version: those of the latest deploy stay.',
    )
  const args = ['rollback', id, '-y', '-m', 'unmoor deploy --rollback']
  const back = restoreArgs(worker)
  const steps: DeployStep[] = [
    {
      phase: 'switch',
      title: `Give version ${id} all traffic`,
      command: wrangler.text(args),
      changes: 'the code that serves; data, migrations and secrets stay',
      undo: wrangler.text(back),
      run: () => quietly(wrangler.run(args)),
      revert: async () => {
        await wrangler.run(back)
      },
    },
  ]
  const url = liveUrl(context, config)
  if (url !== undefined && context.watchSeconds > 0) steps.push(watchStep(context, () => url, url))
  return { serving: servingText(worker), checked: [], steps, confirm, served: () => `version ${id}` }
}

async function readConfig({ dir }: DeployContext): Promise<WranglerConfig> {
  return parse(await readFile(join(dir, 'wrangler.jsonc'), 'utf8')) as WranglerConfig
}

/** @throws `NotFound` naming each required secret that neither the Worker nor `--secrets` has. */
function checkSecrets({ info, secrets }: DeployContext, worker: DeployedWorker | undefined): string[] {
  const required = Object.entries(info.manifest.bindings).flatMap(([binding, declaration]) =>
    declaration.kind === 'secret' && !declaration.optional && info.drivers[binding]?.driver === 'env'
      ? [constantCase(binding)]
      : [],
  )
  const missing = required.filter((name) => worker?.secrets.has(name) !== true && secrets[name] === undefined)
  const [first] = missing
  if (first !== undefined)
    throw refuse(
      'NotFound',
      `${place(info)} lacks ${missing.length === 1 ? 'the secret' : 'the secrets'} ${missing.join(', ')}. ` +
        'Nothing was changed. Write NAME=value lines to a file and add --secrets FILE' +
        (worker === undefined ? '.' : `, or run in the artifact's folder: npx wrangler secret put ${first}.`),
    )
  return required.length === 0 ? [] : [`secrets exist: ${required.join(', ')}`]
}

/** @throws `NotFound` naming each variable without a value, in the artifact or in what is deployed. */
function checkVariables(
  { info }: DeployContext,
  config: WranglerConfig,
  worker: DeployedWorker | undefined,
): string[] {
  const deployed = new Set(
    worker?.bindings.flatMap(({ type, name }) => (type === 'plain_text' || type === 'json' ? [name] : [])),
  )
  const declared = Object.entries(info.manifest.bindings).flatMap(([binding, { kind }]) =>
    kind === 'variable' ? [{ binding, name: constantCase(binding) }] : [],
  )
  const missing = declared.filter(({ name }) => config.vars?.[name] === undefined && !deployed.has(name))
  if (missing.length > 0)
    throw refuse(
      'NotFound',
      `${place(info)} has no value for the variable ` +
        `${missing.map(({ binding }) => `"${binding}"`).join(', ')}. ` +
        `Nothing was changed. Set "variables: { ${missing[0]?.binding}: ... }" in unmoor.config.ts.`,
    )
  return declared.length === 0
    ? []
    : [`variables have values: ${declared.map(({ name }) => name).join(', ')}`]
}

function place({ environment }: DeployContext['info']): string {
  return environment === undefined ? 'The app' : `The environment "${environment}"`
}

async function planDatabases(
  context: DeployContext,
  config: WranglerConfig,
  wrangler: Wrangler,
  confirm: string[],
): Promise<PlannedDatabase[]> {
  const migrated = (config.d1_databases ?? []).flatMap(({ database_name: name, migrations_dir: folder }) =>
    folder === undefined ? [] : [{ name, binding: folder.slice(MIGRATIONS_FOLDER.length + 1) }],
  )
  return Promise.all(
    migrated.map(async ({ name, binding }) => {
      const { exists, applied } = await readDatabase(wrangler, name)
      const pending = (context.info.migrations[binding] ?? []).filter(
        (migration) => !applied.has(migration.name),
      )
      for (const statement of exists ? context.contracting(pending, 'sqlite') : [])
        confirm.push(
          `A migration of "${binding}" does more than expand, and the code that serves may not survive it: ` +
            statement,
        )
      return { name, isNew: !exists, pending: pending.map((migration) => migration.name) }
    }),
  )
}

function refuse(code: 'NotFound', message: string): UnmoorError {
  return new UnmoorError(code, message, { operation: 'deploy' })
}
