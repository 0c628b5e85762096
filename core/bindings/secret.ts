import { limitExceeded, UnmoorError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { SecretDriver } from './drivers.ts'
import { utf8Length } from './bytes.ts'
import { annotate } from './operation.ts'

const REDACTED = '[secret]'

/** A secret of an app. Printing the object shows `[secret]`. */
export class Secret<Value extends string | null = string> {
  #driver: SecretDriver
  #where: { binding: string; operation: string }
  #optional: boolean

  constructor(driver: SecretDriver, options: { binding: string; optional: boolean }) {
    this.#driver = driver
    this.#where = { binding: options.binding, operation: 'get' }
    this.#optional = options.optional
  }

  /**
   * Returns the secret's value exactly as stored; null if an optional secret is not set.
   *
   * @throws `NotFound` if it is missing and not optional, `LimitExceeded` over 4,096 B, `PermissionDenied`,
   * `Unavailable`.
   *
   * @example
   * ```ts
   * const headers = { authorization: `Bearer ${await env.apiKey.get()}` }
   * ```
   */
  async get(): Promise<Value> {
    const value = await this.#driver.get().catch((error: unknown) => {
      throw annotate(error, this.#where)
    })
    if (value === null) {
      if (this.#optional) return null as Value
      throw new UnmoorError('NotFound', `Secret "${this.#where.binding}" is not set.`, this.#where)
    }
    const size = utf8Length(value)
    if (size > LIMITS['secret.value'])
      throw limitExceeded(this.#where, 'secret.value', size, LIMITS['secret.value'])
    return value as Value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  get [Symbol.toStringTag](): string {
    return 'Secret'
  }
}
