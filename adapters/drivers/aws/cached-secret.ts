import type { DriverContext, SecretDriver } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'

/**
 * A secret that is read again when it is older than `ttl` seconds. Calls at the same time share one read; a
 * failed read is not kept, nor is a secret that is missing.
 *
 * A `NotFound` that `read` throws becomes null.
 */
export function cachedSecret(
  read: () => Promise<string>,
  ttl: number | undefined,
  context: Pick<DriverContext, 'binding' | 'now'>,
): SecretDriver {
  const seconds = ttl ?? 300
  if (!Number.isFinite(seconds) || seconds < 0)
    throw new UnmoorError(
      'InvalidArgument',
      `Secret "${context.binding}": ttl is ${String(ttl)}. It is a number of seconds, 0 or more.`,
      {
        binding: context.binding,
      },
    )
  let kept: { value: Promise<string>; until: number } | undefined
  return {
    async get() {
      const now = context.now()
      if (kept === undefined || now >= kept.until) {
        const entry = { value: read(), until: now + seconds * 1000 }
        kept = entry
        entry.value.catch(() => {
          if (kept === entry) kept = undefined
        })
      }
      try {
        return await kept.value
      } catch (error) {
        if (isUnmoorError(error, 'NotFound')) return null
        throw error
      }
    },
  }
}
