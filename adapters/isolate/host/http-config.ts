import type { TrustProxy } from '../../../core/client.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { checkOptions, type OptionTable } from '../../../core/option-table.ts'
import { limitOptions } from '../../node-server/options.ts'

/** HTTP settings of a host's port: trusted proxies, timeouts and sizes. */
export interface HttpConfig {
  /**
   * Proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are trusted for `ctx.client` and `request.url`: the
   * nearest (`true`), a number of hops (`2`), or proxies at these addresses (`["10.0.0.0/8"]`). Default:
   * false.
   */
  trustProxy?: TrustProxy
  /** Seconds that an idle connection stays open; set it above the load balancer's timeout. Default: 65. */
  keepAliveTimeout?: number
  /** Bytes of a request's header names and values; a larger head gets 431. Default: 65,536. */
  maxHeaderBytes?: number
  /** Seconds that an upload may pause between two bytes; a longer pause gets 408. Default: 60. */
  uploadTimeout?: number
  /**
   * Lowest rate of an upload in bytes a second, over each `uploadTimeout`; a slower one gets 408. Default:
   * 256.
   */
  uploadMinRate?: number
  /** Seconds in which a whole request must have arrived; a later one gets 408. Default: 900. */
  uploadTotalTimeout?: number
}

const httpOptions = {
  trustProxy: 'proxies',
  ...limitOptions,
  uploadMinRate: { number: 'bytes', whole: true },
} satisfies OptionTable<HttpConfig>
/**
 * Seconds in which a whole upload must have arrived, so that no client holds a connection for ever: enough
 * for 100 MiB at a megabit a second.
 */
const UPLOAD_TOTAL = 900
/**
 * Lowest upload rate in bytes a second. It is far below the rate of any real network: a slower client only
 * holds a connection.
 */
const UPLOAD_MIN_RATE = 256

/**
 * Checks the HTTP settings of a host's config.
 *
 * @throws `InvalidArgument` naming the setting that is out of range.
 */
export function resolveHttp(given: HttpConfig): HttpConfig {
  const { trustProxy, keepAliveTimeout, maxHeaderBytes, uploadTimeout } = given
  const { uploadTotalTimeout = UPLOAD_TOTAL, uploadMinRate = UPLOAD_MIN_RATE } = given
  const { options } = checkOptions(
    { trustProxy, keepAliveTimeout, maxHeaderBytes, uploadTimeout, uploadMinRate, uploadTotalTimeout },
    httpOptions,
    {
      path: 'config',
      owner: 'a host',
      refuse: (message) => {
        throw new UnmoorError('InvalidArgument', message, { operation: 'config' })
      },
    },
  )
  return options
}
