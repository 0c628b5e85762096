/** The process of one library: its control, its builds and its targets (`apart.ts`). */
import { discover } from './discover.ts'
import type { NamedLibrary, Target } from './library.ts'
import { type Result, runLibrary } from './run.ts'
import { stopServices } from './services/index.ts'

export interface ToChild {
  name: string
  targets: readonly Target[]
}

/** A result is sent for each target as it comes. */
export type FromChild = { result: Result } | { skipped: string } | { error: string }

const tell = (message: FromChild): Promise<void> =>
  new Promise((resolve) => void process.send?.(message, () => resolve()))

process.once('message', (message: ToChild) => {
  main(message)
    .catch((error: unknown) => tell({ error: error instanceof Error ? String(error.stack) : String(error) }))
    // Also where something of a library would keep the process.
    .finally(() => process.exit())
})

async function main({ name, targets }: ToChild): Promise<void> {
  const [library] = await discover([name])
  try {
    const skipped = await runLibrary(library as NamedLibrary, targets, (result) => tell({ result }))
    if (skipped !== undefined) await tell({ skipped })
  } finally {
    await stopServices()
  }
}
