/** Turns the exports of workerd's test modules into tests. */
import type { PeerTest } from './harness.ts'

type Exports = Readonly<Record<string, unknown>>
interface Handler {
  test?: (controller: unknown, env: unknown, ctx: unknown) => unknown
}

/** The tests of each module: what it exports with a method `test`. */
export function testsOf(modules: Readonly<Record<string, Exports>>): PeerTest[] {
  return Object.entries(modules).flatMap(([file, exports]) =>
    Object.entries(exports).flatMap(([name, value]): PeerTest[] => {
      const handler = value as Handler | undefined
      if (typeof handler?.test !== 'function') return []
      return [{ name: `${file} ${name}`, run: ({ env, ctx }) => handler.test?.({}, env, ctx) }]
    }),
  )
}
