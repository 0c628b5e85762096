/**
 * Runs the plan of a deploy. If a step fails, the previous version's code is brought back, and never data:
 * migrations, secrets and resources stay.
 */
import type { DeployPlan, DeployStep } from '../../deploy.ts'
import { UnmoorError } from '../../errors.ts'

/** What the engine tells while a plan runs. */
export interface DeployProgress {
  /** Runs a step, and may tell how long it takes. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>
  print(line: string): void
  warn(message: string): void
  /** Returns true once the user has asked to stop: no further step begins, and the code goes back. */
  isStopped(): boolean
}

/** A step of a deploy as data, for `--reporter json`. */
export interface DescribedStep {
  readonly phase: string
  readonly title: string
  readonly command: string
  readonly changes: string
  readonly undo: string
}

/** Returns the steps of a plan as data. */
export function describeSteps(steps: readonly DeployStep[]): DescribedStep[] {
  return steps.map(({ phase, title, command, changes, undo }) => ({ phase, title, command, changes, undo }))
}

/** Returns the lines of a plan for people. */
export function planLines({ serving, checked, steps, confirm }: DeployPlan): string[] {
  const lines = [`Serving now: ${serving ?? 'nothing'}`, ...checked.map((fact) => `Checked: ${fact}`)]
  for (const [index, { phase, title, command, changes, undo }] of steps.entries())
    lines.push(
      `${String(index + 1).padStart(2)}. ${phase}: ${title}`,
      `      ${command}`,
      `      changes: ${changes}`,
      `      undone: ${undo}`,
    )
  if (confirm.length > 0) lines.push('Needs --yes:', ...confirm.map((reason) => `  - ${reason}`))
  return lines
}

/**
 * Runs the steps of a plan in their order.
 *
 * @throws `Unavailable` naming the failed step, and what serves now; its cause is the step's own error.
 */
export async function runPlan(plan: DeployPlan, progress: DeployProgress): Promise<void> {
  const begun: DeployStep[] = []
  for (const [index, step] of plan.steps.entries()) {
    const label = `step ${index + 1} of ${plan.steps.length} (${step.phase}: ${step.title})`
    try {
      if (progress.isStopped()) throw new Error('You stopped the deploy.')
      begun.push(step)
      const told = await progress.step(step.title, () => step.run())
      progress.print(`${step.phase}: ${step.title}${told === undefined ? '' : `: ${told}`}`)
    } catch (cause) {
      const after = await revert(begun, plan, progress)
      throw new UnmoorError('Unavailable', `${label} failed: ${messageOf(cause)} ${after}`, {
        operation: 'deploy',
        cause,
      })
    }
  }
}

/** Brings the code back, the last step first. Returns what serves now, as a sentence. */
async function revert(
  begun: readonly DeployStep[],
  { serving }: DeployPlan,
  progress: DeployProgress,
): Promise<string> {
  const steps = begun.filter((step) => step.revert !== undefined).toReversed()
  const failed: string[] = []
  for (const step of steps) {
    try {
      await progress.step(`Going back: ${step.undo}`, async () => step.revert?.())
    } catch (error) {
      progress.warn(`Going back failed: ${messageOf(error)}`)
      failed.push(step.undo)
    }
  }
  if (failed.length > 0) return `Going back failed too; do it by hand: ${failed.join('; ')}.`
  const stays = begun.filter(({ phase }) => phase === 'migrations' || phase === 'resources')
  const data = stays.length === 0 ? '' : ` Stays as it is now: ${stays.map(({ title }) => title).join('; ')}.`
  const oneWay = begun.find((step) => step.oneWay === true)
  if (oneWay !== undefined && serving !== undefined)
    return `The new version may be serving, and the platform has no way back from "${oneWay.title}".${data}`
  if (serving === undefined) return `Nothing served before, so there is nothing to go back to.${data}`
  return `${steps.length === 0 ? `Still serving: ${serving}.` : `Serving again: ${serving}.`}${data}`
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /[.!?]$/.test(message) ? message : `${message}.`
}
