import type { OptionTable } from '../../core/option-table.ts'
import { type ServerOptions, serverOptions } from '../node-server/options.ts'

/**
 * Rules for the addresses that an app's `fetch` may reach. Each rule is a host name (`api.internal`,
 * `*.example.com`, `*`), an address or a range (`10.1.0.0/16`, `fd00::/8`), with or without a port
 * (`localhost:9000`, `[::1]:9000`). The order is: what `deny` names is refused; what `allow` names may be
 * reached, whatever its address is; `deny: ['*']` refuses everything else; otherwise public addresses may be
 * reached and others may not.
 */
export interface OutboundRules {
  /** Rules of addresses that an app's `fetch` may reach, even if they are not public. Default: none. */
  allow?: readonly string[] | undefined
  /** Rules of addresses that an app's `fetch` may not reach. Default: none. */
  deny?: readonly string[] | undefined
}

/**
 * Options of the isolate target: `targets.isolate.options` in unmoor.config.ts.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: { isolate: { options: { memoryMb: 64, outbound: { allow: ['10.1.0.0/16'] } } } },
 * })
 * ```
 */
export interface IsolateOptions extends ServerOptions {
  /**
   * Memory of the isolate in MB, at least 16. The limit is a guideline: a hostile script can reach two or
   * three times as much before it is stopped. Default: 128.
   */
  memoryMb?: number
  /**
   * CPU time in milliseconds that one entry into the isolate may take; an isolate that takes more is
   * replaced. Default: 1000.
   */
  cpuMs?: number
  /** Old name of the isolate's `wallTimeout`. @deprecated Since 0.2: use `wallTimeout`. */
  wallSeconds?: number
  /** Seconds that loading the app may take. Default: 5. */
  startupTimeout?: number
  /** Milliseconds that loading the app may take. @deprecated Since 0.2: use `startupTimeout`, in seconds. */
  startupMs?: number
  /**
   * How the web API is loaded into a new isolate: `code-cache` compiles it from V8's code cache, `snapshot`
   * maps a heap in which it has already run, `source` compiles it afresh. Default: `code-cache`; README.md
   * has the reasons.
   */
  startup?: 'code-cache' | 'snapshot' | 'source'
  /**
   * The way in which `unmoor start` and `unmoor conformance` run the app: `server` starts its own
   * `server.mjs`, `host` deploys it on an `unmoor host`. Default: `server`.
   */
  runtime?: 'server' | 'host'
  /**
   * Addresses that the app's `fetch` may reach besides public ones, and addresses that it may not reach: `{
   * allow: ['10.1.0.0/16', 'localhost:9000'], deny: ['example.com'] }`. At run time the variable
   * UNMOOR_OUTBOUND_ALLOW (rules with commas between) adds to `allow`. Default: public addresses only.
   */
  outbound?: OutboundRules
}

export const isolateOptions = {
  memoryMb: { number: 'MB', min: 16 },
  cpuMs: { number: 'milliseconds', min: 1 },
  wallSeconds: { renamed: 'wallTimeout' },
  startupTimeout: { number: 'seconds', min: 0.001 },
  startupMs: { renamed: 'startupTimeout', milliseconds: true },
  startup: ['code-cache', 'snapshot', 'source'],
  runtime: ['server', 'host'],
  outbound: 'object',
  ...serverOptions,
} satisfies OptionTable<IsolateOptions>
