import { endAll, runApart } from './apart.ts'
import { notes, report, row, summarize } from './report.ts'
import type { AppResult, ReportedApp } from './results.ts'
import type { Suite } from './suites.ts'

export interface CorpusOptions {
  suite: Suite
  /** Names of apps; none for all. */
  names: readonly string[]
  targets: readonly string[]
  /** Apps at once. */
  jobs: number
  /** Seconds that an app may take on all targets together. */
  timeout: number
  /** True if the last line printed is the counts as JSON. */
  json: boolean
  say: (line: string) => void
}

/** Runs the apps of a suite and prints the table. @returns whether anything failed. */
export async function runCorpus({
  suite,
  names,
  targets,
  jobs,
  timeout,
  json,
  say,
}: CorpusOptions): Promise<boolean> {
  const all: readonly ReportedApp[] = await suite.discover(names)
  const results: AppResult[] = []
  const waiting = [...all]
  const work = async (): Promise<void> => {
    for (let app = waiting.shift(); app !== undefined; app = waiting.shift()) {
      const started = performance.now()
      const result = await runApart(suite.name, app, targets, timeout)
      results.push(result)
      say(`${results.length} of ${all.length}: ${app.name} (${seconds(started)} s): ${row(result)}`)
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
  const place = (result: AppResult): number => all.findIndex(({ name }) => name === result.app.name)
  results.sort((one, other) => place(one) - place(other))
  console.log(report(results, targets))
  const summary = summarize(suite.name, results)
  console.log(
    `\n${summary.total} answers of ${results.length} apps in ${seconds(started)} s: ` +
      `${summary.failed} failed, ${summary.declared} declared`,
  )
  if (json) console.log(JSON.stringify(summary))
  return summary.failed > 0
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
