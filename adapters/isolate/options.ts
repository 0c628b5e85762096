import type { OptionTable } from '../../core/option-table.ts'
import { type ServerOptions, serverOptions } from '../node-server/options.ts'

/**
 * Where an app's `fetch` may go. Each rule is a host name (`api.internal`, `*.example.com`, `*`), an address
 * or a range (`10.1.0.0/16`, `fd00::/8`), with or without a port (`localhost:9000`, `[::1]:9000`). In this
 * order: what `deny` names is refused; what `allow` names may be reached, whatever its address is;
 * `deny: ['*']` refuses all else; else public addresses may be reached, others not.
 */
export interface OutboundRules {
  /** Default: none. */
  allow?: readonly string[] | undefined
  /** Default: none. */
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
   * Memory of the isolate in MB, at least 16. A guideline: a hostile script can pass it two or three times
   * over before it is stopped. Default: 128.
   */
  memoryMb?: number
  /**
   * CPU time in milliseconds that one entry into the isolate may take; the isolate is replaced beyond it.
   * Default: 1000.
   */
  cpuMs?: number
  /** @deprecated Since 0.2: `wallTimeout`. */
  wallSeconds?: number
  /** Seconds that loading the app may take. Default: 5. */
  startupTimeout?: number
  /** @deprecated Since 0.2: `startupTimeout`, in seconds. */
  startupMs?: number
  /**
   * How the web API gets into a new isolate: `code-cache` compiles it from V8's cache, `snapshot` maps a heap
   * in which it has run already,
   * `source` compiles it afresh. Default: `code-cache`; README.md has the reasons.
   */
  startup?: 'code-cache' | 'snapshot' | 'source'
  /**
   * What `unmoor start` and `unmoor conformance` run it on: `server` (its own `server.mjs`) or `host`
   * (deployed on an `unmoor host`). Default: `server`.
   */
  runtime?: 'server' | 'host'
  /**
   * Where the app's `fetch` may go besides public addresses, and where not:
   * `{ allow: ['10.1.0.0/16', 'localhost:9000'], deny: ['example.com'] }`. At run time UNMOOR_OUTBOUND_ALLOW
   * (rules with commas between) adds to `allow`. Default: public addresses only.
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
