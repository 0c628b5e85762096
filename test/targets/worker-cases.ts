/** Runs the published cases of a driver inside a Worker, one case per request. */
import type { DriverCase } from '../../core/tools/conformance/drivers/driver-case.ts'

/** The answer of a Worker to the id of a case. */
export interface CaseAnswer {
  /** Why the driver cannot be asked, where it lacks what the case is about. */
  lacking?: string
  error?: string
}

/** Runs one case; called in the Worker. */
export async function answerCase(cases: readonly DriverCase[], id: string): Promise<Response> {
  const answer = async (): Promise<CaseAnswer> => {
    const one = cases.find((known) => known.id === id)
    if (one === undefined) return { error: `The Worker has no case ${id}.` }
    try {
      const lacking = await one.run()
      return lacking === undefined ? {} : { lacking }
    } catch (error) {
      return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  return Response.json(await answer())
}

/** The same cases for the test runner: each sends its id to the Worker and fails with the Worker's error. */
export function casesInWorker(
  cases: readonly DriverCase[],
  send: (id: string) => Promise<CaseAnswer>,
): DriverCase[] {
  return cases.map((one) => ({
    ...one,
    run: async () => {
      const { lacking, error } = await send(one.id)
      if (error !== undefined) throw new Error(error)
      return lacking
    },
  }))
}
