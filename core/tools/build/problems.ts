import { isUnmoorError, UnmoorError } from '../../errors.ts'

/** What is wrong with a Worker, collected so that one build tells all of it. */
export class Problems {
  readonly #found: UnmoorError[] = []

  /** Runs `work`; what it refuses is kept. Returns undefined then. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.add(error)
      return undefined
    }
  }

  /** @throws what is no refusal but a fault. */
  add(problem: unknown): void {
    if (!isUnmoorError(problem)) throw problem
    if (this.#found.every(({ message }) => message !== problem.message)) this.#found.push(problem)
  }

  /** What was found so far. */
  get messages(): string[] {
    return this.#found.map(({ message }) => message)
  }

  /** @throws the only problem, or one error that lists them all: `Unsupported` where none is a mistake. */
  throwAll(): void {
    const [first, ...more] = this.#found
    if (first === undefined) return
    if (more.length === 0) throw first
    const lines = this.#found.map(({ message }) => `  ${message.replaceAll('\n', '\n  ')}`)
    throw new UnmoorError(
      this.#found.every(({ code }) => code === 'Unsupported') ? 'Unsupported' : 'InvalidArgument',
      `The app cannot be built, for ${this.#found.length} reasons:\n${lines.join('\n')}`,
      { operation: first.operation },
    )
  }
}
