/** `unmoor deploy --target T`: the plan of a target's adapter, printed, confirmed and run. */
import { describeSteps, planLines, runPlan } from '../../deploy/engine.ts'
import { prepareDeploy } from '../../deploy/deploy.ts'
import { usageError } from '../exit.ts'
import { checkBuiltFor, chooseProject, loadArtifactTargets } from '../options.ts'
import { createReporter, shortPath } from '../reporter.ts'
import { onStop } from '../signals.ts'
import type { DeployFlags } from './flags.ts'

/** Options that only a deploy to a host has, by their flags. */
const FOR_HOSTS = {
  '--host': 'host',
  '--token': 'token',
  '--app': 'app',
  '--build': 'build',
  '--settings': 'settings',
  '--note': 'note',
  '--list': 'list',
  '--configure': 'configure',
  '--delete': 'delete',
  '--delete-data': 'deleteData',
} as const

/** Runs `unmoor deploy --target T` for every target but isolate. */
export async function deployToTarget(given: DeployFlags & { target: string }): Promise<void> {
  for (const [flag, key] of Object.entries(FOR_HOSTS))
    if (given[key] !== undefined)
      throw usageError(
        `${flag} is for deploys to an unmoor host: leave it out with --target ${given.target}.`,
      )
  if (given.rollback !== undefined && given.secrets !== undefined)
    throw usageError('--rollback brings code back and sets no secrets: leave out --secrets.')
  const report = createReporter(given.reporter)
  const settings = await loadArtifactTargets(given.project, [given.target], given)
  const { plan, info } = await prepareDeploy({
    target: given.target,
    settings,
    worker: chooseProject(given.project, given).worker,
    environment: settings.environment,
    dir: given.dir,
    secrets: given.secrets,
    rollback: given.rollback,
    log: report,
  })
  checkBuiltFor(info, settings.environment, shortPath(given.dir ?? `.unmoor/${info.target}`))
  for (const line of planLines(plan)) report.print(line)
  const described = {
    target: info.target,
    ...(info.environment === undefined ? {} : { environment: info.environment }),
    serving: plan.serving ?? null,
    steps: describeSteps(plan.steps),
    confirm: plan.confirm,
  }
  if (given.dryRun === true) {
    report.print('Nothing was changed (--dry-run).')
    report.result({ ...described, dryRun: true })
    return
  }
  if (plan.confirm.length > 0 && given.yes !== true)
    throw usageError(`Nothing was changed. To run this plan, add --yes: ${plan.confirm.join(' ')}`)
  let isStopped = false
  const release = onStop(() => {
    isStopped = true
    report.info('Stopping after this step, and going back ... (again: at once)')
  })
  try {
    await runPlan(plan, {
      step: (what, work) => report.step(what, work),
      print: (line) => report.print(line),
      warn: (message) => report.warn(message),
      isStopped: () => isStopped,
    })
  } finally {
    release()
  }
  report.print(`Serving now: ${plan.served()}`)
  report.result({ ...described, served: plan.served() })
}
