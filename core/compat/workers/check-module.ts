import { UnmoorError } from '../../errors.ts'
import { handles } from './entrypoint.ts'
import type { WorkerSpec } from './spec.ts'

/** Handlers of events that only Cloudflare has. */
const REFUSED: Readonly<Record<string, string>> = {
  email: 'Receive mail through a provider that posts it to a route of fetch().',
  tail: 'Logs go to the standard output of the target; ship them from there.',
  trace: 'Logs go to the standard output of the target; ship them from there.',
  connect: 'Inbound TCP is not a part of any target; serve HTTP.',
  test: 'Tests run with unmoor test.',
}

/** Compares what a Worker's module exports with what its wrangler file asks for. Runs at build. */
export function checkModule(module: Readonly<Record<string, unknown>>, spec: WorkerSpec): void {
  const refuse = (code: 'InvalidArgument' | 'Unsupported', message: string): never => {
    throw new UnmoorError(code, message, { operation: 'build' })
  }
  const main = module['default']
  if (main === undefined || main === null)
    return refuse(
      'InvalidArgument',
      'the Worker has no default export. Service Worker syntax (addEventListener) is not supported: ' +
        'export default { fetch }, see ' +
        'https://developers.cloudflare.com/workers/reference/migrate-to-module-workers/',
    )
  for (const [event, instead] of Object.entries(REFUSED)) {
    if (handles(main, event))
      refuse(
        'Unsupported',
        `the Worker's default export has a ${event}() handler, which no target but Cloudflare can ` +
          `call. ${instead}`,
      )
  }
  const queues = Object.values(spec.consumers)
  if (queues.length > 0 && !handles(main, 'queue'))
    refuse(
      'InvalidArgument',
      `the wrangler file consumes ${queues.join(', ')} (queues.consumers), but the default export has ` +
        'no queue() handler.',
    )
  const crons = Object.keys(spec.crons).filter((name) => name !== spec.objects?.cron)
  if (crons.length > 0 && !handles(main, 'scheduled'))
    refuse(
      'InvalidArgument',
      'the wrangler file has cron triggers (triggers.crons), but the default export has no scheduled() ' +
        'handler.',
    )
  for (const [name, binding] of Object.entries(spec.env)) {
    if (binding.type === 'object' && typeof module[binding.className] !== 'function')
      refuse(
        'InvalidArgument',
        `the Durable Object binding "${name}" names the class "${binding.className}", which the Worker ` +
          'does not export. Export it from its main module.',
      )
    if (binding.type === 'service' && binding.self && module[binding.entrypoint ?? 'default'] === undefined)
      refuse(
        'InvalidArgument',
        `the service binding "${name}" names the entrypoint "${binding.entrypoint}", which the Worker ` +
          'does not export.',
      )
  }
}
