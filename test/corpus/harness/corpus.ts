import { endAll, runApart } from './apart.ts'
import { discover } from './discover.ts'
import type { NamedLibrary, Target } from './library.ts'
import { notes, report, row, summarize } from './report.ts'
import type { LibraryResult } from './run.ts'

export interface CorpusOptions {
  /** Names; none for all. */
  libraries: readonly string[]
  targets: readonly Target[]
  /** Libraries at once. */
  jobs: number
  /** Seconds that a library may take on all targets together. */
  timeout: number
  /** Whether the last line printed is the counts as JSON. */
  json: boolean
  say: (line: string) => void
}

/** Runs the libraries and prints the table. @returns whether anything failed. */
export async function runCorpus({
  libraries,
  targets,
  jobs,
  timeout,
  json,
  say,
}: CorpusOptions): Promise<boolean> {
  const all = await discover(libraries)
  const results: LibraryResult[] = []
  const waiting = [...all]
  const work = async (): Promise<void> => {
    for (let library = waiting.shift(); library !== undefined; library = waiting.shift()) {
      const started = performance.now()
      const result = await runApart(library, targets, timeout)
      results.push(result)
      say(`${results.length} of ${all.length}: ${library.name} (${seconds(started)} s): ${row(result)}`)
      for (const note of notes(result)) say(note)
    }
  }
  const started = performance.now()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      endAll()
      process.exit(1)
    })
  try {
    await Promise.all(Array.from({ length: jobs }, work))
  } finally {
    endAll()
  }
  const place = (library: NamedLibrary): number => all.indexOf(library)
  results.sort((one, other) => place(one.library) - place(other.library))
  console.log(report(results, targets))
  const summary = summarize(results)
  console.log(
    `\n${summary.total} answers of ${results.length} libraries in ${seconds(started)} s: ` +
      `${summary.failed} failed, ${summary.declared} declared`,
  )
  if (json) console.log(JSON.stringify(summary))
  return summary.failed > 0
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
