/** The process of one app: its control, its builds and its targets (`apart.ts`). */
import type { Result } from './results.ts'
import { type SuiteName, SUITES } from './suites.ts'

export interface ToChild {
  suite: SuiteName
  name: string
  targets: readonly string[]
}

/** A result is sent for each target as it comes. */
export type FromChild = { result: Result } | { skipped: string } | { error: string }

const tell = (message: FromChild): Promise<void> =>
  new Promise((resolve) => void process.send?.(message, () => resolve()))

process.once('message', (message: ToChild) => {
  main(message)
    .catch((error: unknown) => tell({ error: error instanceof Error ? String(error.stack) : String(error) }))
    // Also where something of an app would keep the process.
    .finally(() => process.exit())
})

async function main({ suite, name, targets }: ToChild): Promise<void> {
  const skipped = await SUITES[suite].run(name, targets, (result) => tell({ result }))
  if (skipped !== undefined) await tell({ skipped })
}
