import { UnmoorError } from '../../../core/errors.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import type { PostgresStoreOptions } from './options.ts'

/** The time for which a caller waits for the Postgres server, and the error after that time. */
export class Deadline {
  readonly #seconds: number
  readonly #server: string
  readonly #hint: string

  constructor(server: string, { timeout = 30, prepare = true }: PostgresStoreOptions, binding: string) {
    this.#seconds = toMilliseconds(timeout, 'timeout', binding) / 1000
    this.#server = server
    this.#hint = prepare
      ? ' Behind a pooler that hands a connection round between transactions, set `prepare: false`; ' +
        'for statements that take longer, a larger `timeout`.'
      : ' For statements that take longer, set a larger `timeout`.'
  }

  /**
   * Settles as `work` does. After the timeout, calls `onLate` and rejects with `Timeout`: a statement on a
   * Postgres server that does not answer cannot be ended, only abandoned.
   */
  race<T>(work: PromiseLike<T>, mayHaveApplied: () => boolean, onLate: () => void): Promise<T> {
    // The work on Postgres is raced against its timeout by hand, because `Promise.race` creates several
    // promises each time.
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        onLate()
        reject(
          new UnmoorError(
            'Timeout',
            `Postgres (${this.#server}) gave no answer within ${this.#seconds} s.${this.#hint}`,
            { mayHaveApplied: mayHaveApplied() },
          ),
        )
      }, this.#seconds * 1000)
      work.then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (error: unknown) => {
          clearTimeout(timer)
          // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- handed on as it is
          reject(error)
        },
      )
    })
  }
}
