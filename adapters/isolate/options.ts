import { UnmoorError } from '../../core/errors.ts'
import { CRON_CHECKS, type CronOptions, type ServerOptions } from '../node-server/options.ts'
import { checkOutbound, type OutboundRules } from './runtime/outbound/rules.ts'

/** Options of the isolate target: `targets.isolate.options` in unmoor.config.ts. */
export interface IsolateOptions extends ServerOptions {
  /** Memory of the isolate in MB, at least 16. A guideline: a hostile script can pass it two or three times over before it is stopped. Default: 128. */
  memoryMb?: number
  /** CPU time in milliseconds that one entry into the isolate may take; the isolate is replaced beyond it. Default: 1000. */
  cpuMs?: number
  /** Seconds until the handler must have answered; beyond it: 503. Default: no limit. */
  wallSeconds?: number
  /** Milliseconds that loading the app may take. Default: 5000. */
  startupMs?: number
  /**
   * How the web API gets into a new isolate: `code-cache` compiles it from V8's cache, `snapshot` maps a heap in which it has run already,
   * `source` compiles it afresh. Default: `code-cache`; README.md has the reasons.
   */
  startup?: 'code-cache' | 'snapshot' | 'source'
  /** What `unmoor start` and `unmoor conformance` run it on: `server` (its own `server.mjs`) or `host` (deployed on an `unmoor host`). Default: `server`. */
  runtime?: 'server' | 'host'
  /**
   * Where the app's `fetch` may go besides public addresses, and where not: `{ allow: ['10.1.0.0/16', 'localhost:9000'], deny: ['example.com'] }`.
   * At run time UNMOOR_OUTBOUND_ALLOW (rules with commas between) adds to `allow`. Default: public addresses only.
   */
  outbound?: OutboundRules
}

const NUMBERS: Readonly<Record<string, number>> = { memoryMb: 16, cpuMs: 1, wallSeconds: 0, startupMs: 1, maxBodyBytes: 0, stopSeconds: 0 }
const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  startup: ['code-cache', 'snapshot', 'source'],
  runtime: ['server', 'host'],
  trustProxy: [true, false],
}

/** Checks what a config file gives. @throws `InvalidArgument` naming the option and what it takes. */
export function checkOptions(options: Readonly<Record<string, unknown>>): IsolateOptions {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'outbound') {
      checkOutbound(value, 'targets.isolate.options.outbound')
      continue
    }
    const min = NUMBERS[name]
    const choices = CHOICES[name]
    const cron = Object.hasOwn(CRON_CHECKS, name) ? CRON_CHECKS[name as keyof CronOptions] : undefined
    const refuse = (what: string): never => {
      throw new UnmoorError('InvalidArgument', `targets.isolate.options.${name}: ${what}, not ${JSON.stringify(value)}.`, { operation: 'config' })
    }
    if (min === undefined && choices === undefined && cron === undefined)
      refuse(`there is no such option (there are ${[...Object.keys(NUMBERS), ...Object.keys(CHOICES), 'outbound', ...Object.keys(CRON_CHECKS)].join(', ')})`)
    if (min !== undefined && !(typeof value === 'number' && Number.isFinite(value) && value >= min)) refuse(`it takes a number from ${min}`)
    if (cron !== undefined && value !== undefined && !cron.holds(value)) refuse(`it takes ${cron.wants}`)
    if (choices !== undefined && !choices.includes(value)) refuse(`it takes ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}`)
  }
  return options
}
