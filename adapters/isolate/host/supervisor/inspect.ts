import { UnmoorError } from '../../../../core/errors.ts'
import { NO_LIMIT_MS } from '../../server/debugging.ts'
import type { AppRecord } from '../app-record.ts'
import { checkPort } from './check-port.ts'
import type { ResolvedConfig } from '../config.ts'
import { checkName } from '../settings.ts'

/** An app that accepts a debugger: `unmoor host --inspect APP[:PORT]`. */
export interface InspectedApp {
  app: string
  /** Debugger port on 127.0.0.1; 0 takes a free one. Default: 9229. */
  port?: number | undefined
}

/** Debugger ports by app name. */
export type Inspected = ReadonlyMap<string, number>

const DEFAULT_PORT = 9229
const ADDRESS = '127.0.0.1'

/**
 * Checks the apps named by `--inspect` and their ports.
 *
 * @throws `InvalidArgument` for options that exclude each other; `Unavailable` for a port in use.
 */
export async function checkInspected(
  wanted: readonly InspectedApp[],
  config: ResolvedConfig,
  adminPort: number | undefined,
): Promise<Inspected> {
  const ports = new Map<string, number>()
  if (wanted.length === 0) return ports
  refuseWith(config)
  // Names of the ports in use, for error messages. The host's own ports are not open yet, so a conflict with
  // them would go unnoticed.
  const taken = new Map<number | undefined, string>([[config.port, "the host's own port"]])
  taken.set(adminPort, 'the admin port')
  for (const { app, port = DEFAULT_PORT } of wanted) {
    checkName(app)
    if (ports.has(app)) throw refuse(`"${app}" is named twice: a process has one debugger.`)
    const other = port === 0 ? undefined : taken.get(port)
    if (other !== undefined)
      throw refuse(`port ${port} for "${app}" is ${other} already. Name another: --inspect ${app}:PORT.`)
    if (port !== 0) await checkPort(port, ADDRESS, `Name another: --inspect ${app}:PORT.`)
    ports.set(app, port)
    taken.set(port, `the debugger's of "${app}"`)
  }
  return ports
}

/** Refuses host settings that a debugger would defeat, or that keep requests away from a breakpoint. */
function refuseWith({ guard, sharePort }: ResolvedConfig): void {
  const guarded = guard.uid !== undefined || guard.permission || guard.wrapper.length > 0
  if (guarded)
    throw refuse(
      'an app that is debugged runs without the walls that "guard" is to back, and whoever debugs it ' +
        'does as its process may. Leave "guard" out.',
    )
  if (sharePort)
    throw refuse(
      'with --share-port another host may take the requests that a breakpoint waits for. Leave ' +
        '--share-port out, and stop that host first.',
    )
}

/**
 * Returns console lines about `--inspect` apps that the host does not have yet. They may still be deployed,
 * if the host takes deploys.
 *
 * @throws `InvalidArgument` for a missing app on a host that takes no deploys.
 */
export function awaitedLines(
  inspected: Inspected,
  apps: readonly AppRecord[],
  takesDeploys: boolean,
): string[] {
  const names = apps.map(({ name }) => name)
  const missing = [...inspected.keys()].filter((app) => !names.includes(app))
  const known = `It has: ${names.join(', ') || 'none'}.`
  if (missing.length > 0 && !takesDeploys) throw refuse(`this host has no app "${missing[0]}". ${known}`)
  return missing.map(
    (app) =>
      `--inspect: this host has no app "${app}" yet; a debugger is let in as soon as it is ` +
      `deployed. ${known}`,
  )
}

/** Returns an app's record without time limits, so that an app that stands at a breakpoint is not stopped. */
export function withoutClocks(record: AppRecord): AppRecord {
  return {
    ...record,
    limits: { ...record.limits, cpuMs: NO_LIMIT_MS, startupCpuMs: NO_LIMIT_MS, wallMs: NO_LIMIT_MS },
  }
}

/** Console line for a started process with a debugger; `url` is undefined if its port was in use. */
export function inspectLine(app: string, port: number, url: string | undefined): string {
  if (url === undefined)
    return (
      `No debugger is let in to "${app}": port ${port} on ${ADDRESS} is in use by another process. ` +
      `Free it, or start the host anew with --inspect ${app}:PORT.`
    )
  return (
    `"${app}" lets a debugger in at ${url}. It runs in a process of its own, without limits and ` +
    'without walls: for development only.'
  )
}

function refuse(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', `--inspect: ${message}`, { operation: 'config' })
}
