import { relative } from 'node:path'
import type { DeployContext, DeployPlan, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { WranglerConfig } from '../build/wrangler.ts'
import { type DeployedWorker, markOf, markText } from './deployed.ts'
import { liveUrl, quietly, restoreArgs, servingText, unsure, watchStep } from './traffic.ts'
import type { Wrangler } from './wrangler-commands.ts'

/** A database with migrations, and those of them that are pending. */
export interface PlannedDatabase {
  readonly name: string
  /** True if wrangler has to create the database. */
  readonly isNew: boolean
  readonly pending: readonly string[]
}

/** What the steps of a deploy to Cloudflare are made from. */
export interface StepsInput {
  readonly context: DeployContext
  readonly wrangler: Wrangler
  readonly config: WranglerConfig
  /** The Worker that is deployed; undefined for a first deploy. */
  readonly worker: DeployedWorker | undefined
  /** Queues that have to be created. */
  readonly queues: readonly string[]
  readonly databases: readonly PlannedDatabase[]
  /** True if the platform takes this version with traffic only. */
  readonly isDirect: boolean
}

/** What a running deploy has learned from wrangler. */
interface Progress {
  version: string | undefined
  preview: string | undefined
  live: string | undefined
}

/** Returns the steps of a deploy. Reasons to ask for `--yes` are added to `confirm`. */
export function createSteps(input: StepsInput, confirm: string[]): Omit<DeployPlan, 'checked'> {
  const { context, config, worker, isDirect } = input
  const progress: Progress = { version: undefined, preview: undefined, live: liveUrl(context, config) }
  const steps = [
    ...resourceSteps(input),
    ...(worker === undefined || isDirect
      ? directSteps(input, progress)
      : versionSteps(input, worker, progress, confirm)),
  ]
  if (context.watchSeconds > 0 && (progress.live !== undefined || config.workers_dev !== false))
    steps.push(
      watchStep(
        context,
        () => {
          if (progress.live !== undefined) return progress.live
          throw new UnmoorError(
            'NotFound',
            'Wrangler told no address of the Worker. Set targets.cloudflare.deploy.url, or watch: 0.',
            { operation: 'deploy' },
          )
        },
        progress.live ?? "the Worker's address on workers.dev",
      ),
    )
  return {
    serving: servingText(worker),
    steps,
    confirm,
    served: () => (progress.version === undefined ? 'the new version' : `version ${progress.version}`),
  }
}

function resourceSteps({ wrangler, queues, databases }: StepsInput): DeployStep[] {
  const step = (
    phase: DeployStep['phase'],
    title: string,
    args: string[],
    texts: [string, string],
  ): DeployStep => ({
    phase,
    title,
    command: wrangler.text(args),
    changes: texts[0],
    undo: texts[1],
    run: () => quietly(wrangler.run(args)),
  })
  const stays = 'it stays, and the next deploy uses it'
  return [
    ...queues.map((queue) =>
      step(
        'resources',
        `Create the queue ${queue}`,
        ['queues', 'create', queue],
        [`a new queue ${queue}`, stays],
      ),
    ),
    ...databases.flatMap(({ name, isNew }) =>
      isNew
        ? [
            step(
              'resources',
              `Create the database ${name}`,
              ['d1', 'create', name],
              [`a new database ${name}`, stays],
            ),
          ]
        : [],
    ),
    ...databases.flatMap(({ name, pending }) =>
      pending.length === 0
        ? []
        : [
            step(
              'migrations',
              `Apply ${pending.join(', ')} to ${name}`,
              ['d1', 'migrations', 'apply', name, '--remote'],
              [`the tables of ${name}`, 'never: the code that serves runs on the new tables'],
            ),
          ],
    ),
  ]
}

/** The steps of a deploy whose version serves as soon as it is uploaded. */
function directSteps({ context, wrangler, config, worker }: StepsInput, progress: Progress): DeployStep[] {
  const args = ['deploy', '--message', markText(config), ...secretsArgs(context)]
  return [
    {
      phase: 'switch',
      title: `Upload "${config.name}" and give it all traffic`,
      command: wrangler.text(args),
      changes: 'the code that serves, with its routes, schedules and consumers of queues',
      undo: worker === undefined ? 'nothing served before' : 'not possible: deploy mended code',
      oneWay: true,
      run: async () => {
        const output = await wrangler.run(args)
        const deployed = output.find(({ type }) => type === 'deploy')
        progress.version = deployed?.version_id ?? undefined
        progress.live ??= deployed?.targets?.map(originOf).find((target) => target !== undefined)
        return progress.version
      },
    },
  ]
}

/** Wrangler lists addresses (`https://...`, host names) among descriptions of schedules and queues. */
function originOf(target: string): string | undefined {
  const text = /^https?:\/\//.test(target) ? target : `https://${target}`
  return /^https?:\/\/[\w.-]+(:\d+)?\/?$/.test(text) && URL.canParse(text) ? new URL(text).origin : undefined
}

/** The steps of a deploy that tries a version before it has traffic. */
function versionSteps(
  { context, wrangler, config, worker: now }: StepsInput,
  worker: DeployedWorker,
  progress: Progress,
  confirm: string[],
): DeployStep[] {
  const upload = ['versions', 'upload', '--message', markText(config), ...secretsArgs(context)]
  const steps: DeployStep[] = [
    {
      phase: 'upload',
      title: `Upload a version of "${config.name}" without traffic`,
      command: wrangler.text(upload),
      changes: 'a version that has no traffic; missing kv namespaces, buckets and databases are created',
      undo: 'the version stays without traffic',
      run: async () => {
        const uploaded = (await wrangler.run(upload)).find(({ type }) => type === 'version-upload')
        if (typeof uploaded?.version_id !== 'string')
          throw new UnmoorError('Unavailable', 'Wrangler told no id of the uploaded version.', {
            operation: 'deploy',
          })
        progress.version = uploaded.version_id
        progress.preview = uploaded.preview_url
        progress.live ??= liveOfPreview(uploaded.preview_url)
        return progress.version
      },
    },
  ]
  const smoke = smokeSteps({ context, wrangler, config, worker: now }, worker, progress)
  if (smoke.length === 0)
    confirm.push(
      `"${config.name}" has no preview URL (Workers with Durable Objects have none, nor those without ` +
        'workers.dev), so the new version gets traffic untried. To try it, set ' +
        'targets.cloudflare.deploy.url.',
    )
  const id = (): string => progress.version ?? 'ID'
  const restore = restoreArgs(worker)
  const revert = async (): Promise<void> => {
    await wrangler.run(restore)
  }
  steps.push(...smoke, {
    phase: 'switch',
    title: 'Give the new version all traffic',
    command: wrangler.text(['versions', 'deploy', 'ID@100%', '-y']),
    changes: 'the code that serves',
    undo: wrangler.text(restore),
    run: () => quietly(wrangler.run(['versions', 'deploy', `${id()}@100%`, '-y'])),
    revert,
  })
  if (worker.mark.triggers !== markOf(config).triggers) {
    const has = [
      ...(config.routes ?? []),
      ...(config.triggers?.crons ?? []),
      ...(config.queues?.consumers ?? []),
    ]
    if (has.length > 0)
      confirm.push(
        'Routes, schedules or consumers of queues change' +
          `${unsure(worker.mark.triggers)}: they are no part of a version, ` +
          'change for live traffic, and stay if the code goes back.',
      )
    steps.push({
      phase: 'triggers',
      title: 'Set routes, schedules and consumers of queues',
      command: wrangler.text(['triggers', 'deploy']),
      changes: 'where requests, schedules and messages lead',
      undo: 'by a deploy of the earlier code; only the code goes back by itself',
      run: () => quietly(wrangler.run(['triggers', 'deploy'])),
    })
  }
  return steps
}

/** The steps that try a version without traffic: by its preview URL, or by 0% of the traffic and a header. */
function smokeSteps(
  { context, wrangler, config }: Pick<StepsInput, 'context' | 'wrangler' | 'config' | 'worker'>,
  worker: DeployedWorker,
  progress: Progress,
): DeployStep[] {
  const isPreviewed = (config as { preview_urls?: boolean }).preview_urls
  const hasPreview =
    config.durable_objects === undefined &&
    (isPreviewed ?? config.workers_dev ?? (config.routes ?? []).length === 0)
  if (hasPreview)
    return [
      {
        phase: 'smoke',
        title: 'Try the new version at its preview URL',
        command: `${context.smokeText} of the preview URL`,
        changes: 'nothing, except for what the app does with these requests',
        undo: 'nothing to undo',
        run: async () => {
          if (progress.preview === undefined)
            throw new UnmoorError(
              'NotFound',
              'Wrangler told no preview URL, since the account or the Worker has none. Set ' +
                'targets.cloudflare.options.wrangler.preview_urls, or targets.cloudflare.deploy.url.',
              { operation: 'deploy' },
            )
          await context.smoke(progress.preview)
          return progress.preview
        },
      },
    ]
  const url = progress.live
  if (url === undefined) return []
  const shares = worker.shares.map(({ version_id: id, percentage }) => `${id}@${percentage}%`)
  const restore = restoreArgs(worker)
  return [
    {
      phase: 'smoke',
      title: `Try the new version at ${url}, with 0% of the traffic`,
      command:
        `${wrangler.text(['versions', 'deploy', ...shares, 'ID@0%', '-y'])}; ` +
        `${context.smokeText} of ${url}`,
      changes: 'nothing for others: only requests with a header of the test reach the new version',
      undo: wrangler.text(restore),
      run: async () => {
        const id = progress.version ?? ''
        await wrangler.run(['versions', 'deploy', ...shares, `${id}@0%`, '-y'])
        await context.smoke(url, { 'Cloudflare-Workers-Version-Overrides': `${config.name}="${id}"` })
        return undefined
      },
      revert: async () => {
        await wrangler.run(restore)
      },
    },
  ]
}

/** A preview URL is `https://ID-NAME.ACCOUNT.workers.dev`, and the Worker's own has no id. */
function liveOfPreview(preview: string | undefined): string | undefined {
  const found = /^https:\/\/[0-9a-f]{8}-(.+\.workers\.dev)$/.exec(preview ?? '')
  return found === null ? undefined : `https://${found[1]}`
}

function secretsArgs({ secretsFile, dir }: DeployContext): string[] {
  return secretsFile === undefined ? [] : ['--secrets-file', relative(dir, secretsFile)]
}
