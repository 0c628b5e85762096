import type { TrustProxy } from '../../../core/client.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { checkOptions, type OptionTable } from '../../../core/option-table.ts'
import { limitOptions } from '../../node-server/options.ts'

/** What a host's port allows its clients. */
export interface HttpConfig {
  /**
   * Whose `X-Forwarded-For`, `-Proto` and `-Host` are believed, for apps' `ctx.client` and `request.url`: the
   * nearest proxy's (`true`), those of so many proxies (`2`), or of proxies at these addresses
   * (`["10.0.0.0/8"]`). Default: false.
   */
  trustProxy?: TrustProxy
  /** Seconds that a connection without a request is kept: more than the balancer before it. Default: 65. */
  keepAliveTimeout?: number
  /** Bytes of a request's head, names and values; beyond it: 431. Default: 65,536. */
  maxHeaderBytes?: number
  /** Seconds that an upload may pause between two bytes; beyond it: 408. Default: 60. */
  uploadTimeout?: number
  /** Bytes a second that an upload has to bring over each `uploadTimeout`; below it: 408. Default: 256. */
  uploadMinRate?: number
  /** Seconds in which a whole request must have arrived; beyond it: 408. Default: 900. */
  uploadTotalTimeout?: number
}

const httpOptions = {
  trustProxy: 'proxies',
  ...limitOptions,
  uploadMinRate: { number: 'bytes', whole: true },
} satisfies OptionTable<HttpConfig>
/** The largest upload at a megabit a second: a tenant's clients must not hold connections for ever. */
const UPLOAD_TOTAL = 900
/** Far below any network of today: who sends less holds a place, and nothing else. */
const UPLOAD_MIN_RATE = 256

/** The settings of the port in a host's config. @throws `InvalidArgument` naming one that is out of range. */
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
