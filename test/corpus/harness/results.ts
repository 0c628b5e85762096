/** What the suites say of an app on a target. */
import type { Answer, Answers, CorpusRequest } from './library.ts'

/** An app of a suite, as the reports need it. */
export interface ReportedApp {
  name: string
  requests: readonly { name: string }[]
}

/** An app on a target. */
export interface Result {
  target: string
  total: number
  /** Why each failed request failed, by its name; `run`, `build`, `start` and `control` stand for all. */
  failures: { name: string; failed: number; lines: readonly string[] }[]
  /** Requests that were not sent, as the build refuses the app as declared. */
  declared: number
  /** Why the build refuses the app. */
  reason?: string | undefined
}

/** An app on the targets of the run. */
export interface AppResult {
  app: ReportedApp
  results: Result[]
  /** Why nothing was run. Default: it was. */
  skipped?: string
}

/** All requests of an app as failed on a target, for one reason. */
export function failure(app: ReportedApp, target: string, name: string, lines: readonly string[]): Result {
  const total = app.requests.length
  return { target, total, failures: [{ name, failed: total, lines }], declared: 0 }
}

/** What is wrong with the control's own answers, a line each; empty where nothing is. */
export function wrongAnswers(requests: readonly CorpusRequest[], answers: Answers): string[] {
  return requests.flatMap(({ name, status = 200, contains = '' }) => {
    const answer = answers[name] as Answer
    return answer.status === status && answer.body.includes(contains)
      ? []
      : [`${name}: ${answer.status} ${answer.body.slice(0, 500)}; expected ${status} ${contains}`]
  })
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${messageOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

export function lastLines(output: string): string[] {
  return output.trim() === ''
    ? []
    : output
        .trim()
        .split('\n')
        .slice(-15)
        .map((line) => `| ${line.slice(0, 300)}`)
}
