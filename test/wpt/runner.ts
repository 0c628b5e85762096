import type { Area } from './areas.ts'
import type { Expectation } from './expectations.ts'
import { listRuns, type TestRun } from './files.ts'
import { WHOLE_FILE, type AreaResult, type FileResult } from './result.ts'
import { createScript, type TestResult } from './script.ts'

/**
 * Runs a script in a fresh global; resolves with what it reported. Rejects where it threw or its global
 * ended.
 */
export type RunScript = (script: string) => Promise<string>

export interface RunOptions {
  readonly root: string
  readonly run: RunScript
  readonly expectations: readonly Expectation[]
  /** Only files whose id holds this text. */
  readonly only?: string | undefined
  /** Runs at once. Default: 2. */
  readonly jobs?: number
}

/** Runs an area's files that no expectation skips. */
export async function runArea(area: Area, options: RunOptions): Promise<AreaResult> {
  const skipped = new Set(
    options.expectations.filter((entry) => entry.tests === 'skip').map((entry) => entry.file),
  )
  const runs = (await listRuns(options.root, area)).filter(
    ({ id, path }) => !skipped.has(path) && !skipped.has(id) && id.includes(options.only ?? ''),
  )
  const files: FileResult[] = []
  const work = runs.entries()
  const worker = async (): Promise<void> => {
    for (const [index, run] of work) files[index] = await runFile(run, options)
  }
  await Promise.all(Array.from({ length: options.jobs ?? 2 }, worker))
  const tests = files.flatMap((file) => file.tests)
  return {
    name: area.name,
    passed: tests.filter((test) => test.status === 0).length,
    total: tests.length,
    files,
  }
}

async function runFile(run: TestRun, options: RunOptions): Promise<FileResult> {
  try {
    const script = await createScript(options.root, run)
    const { tests, message } = JSON.parse(await options.run(script)) as {
      tests: TestResult[]
      message: string
    }
    // A harness that failed without a test is a failure all the same: a crash must not score 0 of 0.
    return {
      id: run.id,
      tests: tests.length === 0 && message !== '' ? [{ name: WHOLE_FILE, status: 1, message }] : tests,
    }
  } catch (error) {
    return { id: run.id, tests: [{ name: WHOLE_FILE, status: 1, message: String(error) }] }
  }
}
