import { isUnmoorError, UnmoorError } from '../../errors.ts'

/** Collects the problems of a Worker, so that one build reports them all. */
export class Problems {
  readonly #found: UnmoorError[] = []

  /**
   * Runs a check and returns its result. If it refuses the Worker, collects the error and returns undefined.
   */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.add(error)
      return undefined
    }
  }

  /** Collects a refusal of the Worker once. @throws any other error, as that is a bug. */
  add(problem: unknown): void {
    if (!isUnmoorError(problem)) throw problem
    if (this.#found.every(({ message }) => message !== problem.message)) this.#found.push(problem)
  }

  /** Messages of a Worker's problems collected so far. */
  get messages(): string[] {
    return this.#found.map(({ message }) => message)
  }

  /**
   * Throws a Worker's only problem, or one error that lists all problems; does nothing without problems. The
   * code is `Unsupported` if every problem has that code, else `InvalidArgument`.
   */
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
