/** Stands for `node:test`, of which the peers' tests use functions that count their calls. */
type Call = { arguments: unknown[] }
type Implementation = (...args: unknown[]) => unknown

export const mock = {
  fn(implementation: Implementation = () => undefined): Implementation & { mock: Mocked } {
    const calls: Call[] = []
    const counting = (...args: unknown[]): unknown => {
      calls.push({ arguments: args })
      return implementation(...args)
    }
    return Object.assign(counting, { mock: { calls, callCount: () => calls.length } })
  },
}

interface Mocked {
  calls: Call[]
  callCount(): number
}
