/** What has traffic on Cloudflare, how it gets it back, and where it is reached. */
import type { DeployContext, DeployStep } from '../../../core/deploy.ts'
import type { WranglerConfig } from '../build/wrangler.ts'
import type { DeployedWorker } from './deployed.ts'

/** Returns what serves, as text. */
export function servingText(worker: DeployedWorker | undefined): string | undefined {
  const shares = worker?.shares.map(({ version_id: id, percentage }) =>
    percentage === 100 ? `version ${id}` : `version ${id} (${percentage}%)`,
  )
  return shares === undefined ? undefined : shares.join(', ')
}

/** Returns the command that gives traffic back to what had it. */
export function restoreArgs({ shares }: DeployedWorker): string[] {
  const [main] = shares
  return shares.length === 1 && main !== undefined
    ? ['rollback', main.version_id, '-y', '-m', 'unmoor deploy: a step failed']
    : ['versions', 'deploy', ...shares.map(({ version_id: id, percentage }) => `${id}@${percentage}%`), '-y']
}

/** Returns the origin at which the Worker is reached, if the config tells it. */
export function liveUrl({ options }: DeployContext, { routes = [] }: WranglerConfig): string | undefined {
  if (typeof options['url'] === 'string') return options['url']
  const domain = routes.find(
    (route): route is { pattern: string } => (route as { custom_domain?: unknown }).custom_domain === true,
  )
  return domain === undefined ? undefined : `https://${domain.pattern}`
}

/** Returns the step that repeats the smoke requests on what serves. `origin` is known when it runs. */
export function watchStep(context: DeployContext, origin: () => string, text: string): DeployStep {
  return {
    phase: 'watch',
    title: `Watch ${text} for ${context.watchSeconds} s`,
    command: `${context.smokeText} of ${text}, once a second`,
    changes: 'nothing',
    undo: 'nothing to undo',
    run: async () => {
      await context.watch(origin())
      return undefined
    },
  }
}

/** Waits for a command of wrangler whose output a step does not tell. */
export async function quietly(command: Promise<unknown>): Promise<undefined> {
  await command
  return undefined
}

/** What a plan adds to a change that it assumes, since the deployed version has no mark of unmoor. */
export function unsure(mark: string | undefined): string {
  return mark === undefined ? ', as far as unmoor knows' : ''
}
