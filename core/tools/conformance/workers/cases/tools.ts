import { equal as equalExactly, fail, show } from '../../assert.ts'

/** Assertion: returns the error that `work` throws; fails if it throws none. */
export async function thrown(work: () => unknown): Promise<Error> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error) return error
    return fail(`it threw ${show(error)}, which is no Error`)
  }
  return fail('it succeeded, where an error is due')
}

/**
 * Assertion: fails unless `work` throws an error whose message contains `text`, and with this `name` if
 * given.
 */
export async function throwsText(text: string | RegExp, work: () => unknown, name?: string): Promise<void> {
  const error = await thrown(work)
  const holds = typeof text === 'string' ? error.message.includes(text) : text.test(error.message)
  if (!holds) fail(`it threw ${show(error)}, where ${String(text)} is due`)
  if (name !== undefined && error.name !== name)
    fail(`it threw a ${error.name} (${error.message}), not a ${name}`)
}

/**
 * Assertion: compares values by structure. An undefined property counts as missing, because workerd's objects
 * have many.
 */
export function equal(actual: unknown, expected: unknown, what?: string): void {
  equalExactly(withoutUndefined(actual), withoutUndefined(expected), what)
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (
    typeof value !== 'object' ||
    value === null ||
    value instanceof Map ||
    value instanceof Date ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value)
  )
    return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, withoutUndefined(item)]),
  )
}
