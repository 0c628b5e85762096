import { UnmoorError } from '../../errors.ts'
import { handles } from './entrypoint.ts'
import type { WorkerSpec } from './spec.ts'

/**
 * Handlers of events that only Cloudflare has; unmoor never calls them. Each is listed with an alternative.
 */
const UNCALLED: Readonly<Record<string, string>> = {
  email: 'Receive mail through a provider that posts it to a route of fetch().',
  tail: 'Logs go to the standard output of the target; ship them from there.',
  trace: 'Logs go to the standard output of the target; ship them from there.',
  connect: 'Inbound TCP is not a part of any target; serve HTTP.',
  test: 'Tests run with unmoor test.',
}

/**
 * Compares what a Worker's module exports with what its wrangler file asks for. Runs during a build and
 * returns its warnings.
 *
 * @throws `InvalidArgument` naming every missing handler and class.
 */
export function checkModule(module: Readonly<Record<string, unknown>>, spec: WorkerSpec): string[] {
  const problems: string[] = []
  const refuse = (message: string): void => void problems.push(message)
  const main = module['default']
  if (main === undefined || main === null)
    refuse(
      'the Worker has no default export. Export handlers (export default { fetch }); a main module without ' +
        'any export is one of the Service Worker syntax.',
    )
  else if (spec.serviceWorker === true && Object.keys(main).length === 0)
    refuse(
      'the Worker exports nothing and listens for no event. Write: export default { fetch }, or ' +
        "addEventListener('fetch', ...).",
    )
  const warnings = Object.entries(UNCALLED).flatMap(([event, instead]) =>
    handles(main, event)
      ? [`the Worker has the handler ${event}(), which no target but Cloudflare calls. ${instead}`]
      : [],
  )
  const queues = Object.values(spec.consumers)
  if (main != null && queues.length > 0 && !handles(main, 'queue'))
    refuse(
      `the wrangler file consumes ${queues.join(', ')} (queues.consumers), but the default export has ` +
        'no queue() handler.',
    )
  const crons = Object.keys(spec.crons).filter((name) => name !== spec.objects?.cron)
  if (crons.length > 0 && !handles(main, 'scheduled'))
    refuse(
      'the wrangler file has cron triggers (triggers.crons), but the default export has no scheduled() ' +
        'handler.',
    )
  for (const [name, binding] of Object.entries(spec.env)) {
    if (binding.type === 'object' && typeof module[binding.className] !== 'function')
      refuse(
        `the Durable Object binding "${name}" names the class "${binding.className}", which the Worker ` +
          'does not export. Export it from its main module.',
      )
    if (binding.type === 'service' && binding.self && module[binding.entrypoint ?? 'default'] === undefined)
      refuse(
        `the service binding "${name}" names the entrypoint "${binding.entrypoint}", which the Worker ` +
          'does not export.',
      )
  }
  throwProblems(problems)
  return warnings
}

function throwProblems(problems: readonly string[]): void {
  if (problems.length === 0) return
  const message = problems.length === 1 ? (problems[0] as string) : `\n  ${problems.join('\n  ')}`
  throw new UnmoorError('InvalidArgument', message, { operation: 'build' })
}
