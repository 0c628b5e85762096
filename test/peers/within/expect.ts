/** The matchers of vitest's `expect` that the peers' tests use. */
import { equals } from './equals.ts'
import { describeError } from './harness.ts'

type Thrown = RegExp | string | Error | (abstract new (...args: never[]) => unknown)

/** @throws Error that shows both values, where they do not match. */
export function expect(actual: unknown): Expectation {
  return new Expectation(actual, false)
}

class Expectation {
  readonly #actual: unknown
  readonly #negated: boolean

  constructor(actual: unknown, negated: boolean) {
    this.#actual = actual
    this.#negated = negated
  }

  get not(): Expectation {
    return new Expectation(this.#actual, !this.#negated)
  }

  get rejects(): Settled {
    return new Settled(this.#actual, this.#negated, 'rejects')
  }

  get resolves(): Settled {
    return new Settled(this.#actual, this.#negated, 'resolves')
  }

  toBe(expected: unknown): void {
    this.#check(Object.is(this.#actual, expected), 'to be', expected)
  }

  toEqual(expected: unknown): void {
    this.#check(equals(this.#actual, expected), 'to equal', expected)
  }

  toBeDefined(): void {
    this.#check(this.#actual !== undefined, 'to be defined')
  }

  toBeUndefined(): void {
    this.#check(this.#actual === undefined, 'to be', undefined)
  }

  toBeNull(): void {
    this.#check(this.#actual === null, 'to be', null)
  }

  toBeTruthy(): void {
    this.#check(Boolean(this.#actual), 'to be truthy')
  }

  toMatch(expected: RegExp | string): void {
    this.#check(new RegExp(expected).test(String(this.#actual)), 'to match', String(expected))
  }

  toBeGreaterThanOrEqual(expected: number): void {
    this.#check((this.#actual as number) >= expected, 'to be at least', expected)
  }

  toBeLessThanOrEqual(expected: number): void {
    this.#check((this.#actual as number) <= expected, 'to be at most', expected)
  }

  toBeInstanceOf(expected: abstract new (...args: never[]) => unknown): void {
    this.#check(this.#actual instanceof expected, 'to be an instance of', expected.name)
  }

  toThrow(expected?: Thrown): void {
    let thrown: unknown = NOTHING
    try {
      ;(this.#actual as () => unknown)()
    } catch (error) {
      thrown = error
    }
    const text = thrown === NOTHING ? 'nothing' : describeError(thrown)
    this.#check(thrown !== NOTHING && isThrown(thrown, expected), 'to throw', String(expected), text)
  }

  #check(holds: boolean, verb: string, expected: unknown = '', actual: unknown = this.#actual): void {
    if (holds === this.#negated)
      throw new Error(`expected ${show(actual)} ${this.#negated ? 'not ' : ''}${verb} ${show(expected)}`)
  }
}

const NOTHING = Symbol('nothing')

function isThrown(error: unknown, expected: Thrown | undefined): boolean {
  if (expected === undefined) return true
  const message = error instanceof Error ? error.message : String(error)
  if (expected instanceof RegExp) return expected.test(message)
  if (typeof expected === 'string') return message.includes(expected)
  if (expected instanceof Error) return equals(error, expected)
  return error instanceof expected
}

class Settled {
  readonly #promise: unknown
  readonly #negated: boolean
  readonly #how: 'rejects' | 'resolves'

  constructor(promise: unknown, negated: boolean, how: 'rejects' | 'resolves') {
    this.#promise = promise
    this.#negated = negated
    this.#how = how
  }

  get not(): Settled {
    return new Settled(this.#promise, !this.#negated, this.#how)
  }

  async toThrow(expected?: Thrown): Promise<void> {
    const thrown = await this.#settle()
    const raise = (): void => {
      if (thrown !== NOTHING) throw thrown
    }
    const expectation = expect(this.#how === 'rejects' ? raise : () => {})
    ;(this.#negated ? expectation.not : expectation).toThrow(expected)
  }

  async toEqual(expected: unknown): Promise<void> {
    const expectation = expect(await this.#promise)
    ;(this.#negated ? expectation.not : expectation).toEqual(expected)
  }

  /** The reason of a rejection, or NOTHING. @throws it where the promise should resolve. */
  async #settle(): Promise<unknown> {
    try {
      await (typeof this.#promise === 'function' ? (this.#promise as () => unknown)() : this.#promise)
      return NOTHING
    } catch (error) {
      if (this.#how === 'resolves') throw error
      return error
    }
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Map) return `Map ${show([...value])}`
  if (value instanceof Error) return describeError(value)
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
