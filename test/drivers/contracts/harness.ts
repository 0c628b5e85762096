import { beforeEach } from 'vitest'
import { type ErrorCode, isUnmoorError } from '../../../core/errors.ts'
import type { Harness, OpenOptions } from '../../../core/tools/conformance/drivers/harness.ts'

export {
  driverContext,
  failure,
  type Harness,
  type OpenOptions,
  pattern,
} from '../../../core/tools/conformance/drivers/harness.ts'

/**
 * Cases that a stand-in for the real backend gets wrong, by id (by title, of a test of one's own), each with
 * its reason. They must fail; one that passes fails the run.
 */
export type Gaps = Readonly<Record<string, string>>

/** Makes the cases of this block that are {@link Gaps} expected failures. */
export function expectGaps(gaps: Gaps): void {
  beforeEach(({ task }) => {
    // Vitest looks at it when the case has run; `it.fails` would set it.
    if (task.name in gaps || (task.name.split(' ')[0] as string) in gaps) Object.assign(task, { fails: true })
  })
}

/** The code of the error that a call ends with; undefined where it succeeds. */
export function codeOf(call: Promise<unknown>): Promise<ErrorCode | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => {
      if (isUnmoorError(error)) return error.code
      throw error
    },
  )
}

/** Whatever a driver may hold open. */
export interface Closable {
  close?(): Promise<void> | void
}

/** A harness that closes the drivers that `create` made, and then calls `remove`. */
export function createHarness<Driver extends Closable>(
  create: (options: OpenOptions) => Driver | Promise<Driver>,
  remove: () => Promise<unknown> = async () => {},
): Harness<Driver> {
  const opened: Driver[] = []
  return {
    async open(options = {}) {
      const driver = await create(options)
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
      await remove()
    },
  }
}
