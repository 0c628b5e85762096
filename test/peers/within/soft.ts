/** Notes what becomes of single assertions. */
import { assertions, describeError } from './harness.ts'

/** Runs one assertion; an error of it is noted and goes no further. One that ran often holds if it always did. */
export function soft(name: string, assertion: () => unknown): unknown {
  const note = (error?: unknown): void => {
    const known = assertions.get(name)
    if (known?.error !== undefined) return
    assertions.set(name, error === undefined ? { name } : { name, error: describeError(error) })
  }
  try {
    const result = assertion()
    if (!(result instanceof Promise)) note()
    else return result.then(() => note(), note)
  } catch (error) {
    note(error)
  }
  return undefined
}
