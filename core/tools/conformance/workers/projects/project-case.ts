import type { WorkerGroup } from '../case.ts'

/** A Worker of its own, as its author has it on disk. */
export interface WorkerFixture {
  /** The wrangler file's content. */
  readonly wrangler: Readonly<Record<string, unknown>>
  /** Paths to texts. */
  readonly files: Readonly<Record<string, string>>
  /** Packages of wrangler's own that the project has installed. Default: none. */
  readonly packages?: readonly string[]
}

/** A Worker that runs, or failed to. */
export interface Site {
  /** Sends a request; redirects are not followed. @throws what the start failed with, where it did. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Sends a GET, and returns the body; fails for another status than 200. */
  text(path: string): Promise<string>
  /** Its origin. @throws what the start failed with, where it did. */
  readonly url: string
  /** URL of a server that a Worker can fetch from (`origin.ts`). */
  readonly origin: string
  /** `host:port` of a TCP server that gives back what it gets. */
  readonly echo: string
  /** Why there is no site. */
  readonly failure: string | undefined
  /** What the Worker has printed; wrangler's is not heard. */
  readonly output: readonly string[]
  /** What the build warned of. */
  readonly warnings: readonly string[]
}

/** One thing that holds of how a Worker is built and served: asked from outside, on every target. */
export interface ProjectCase {
  /** Group and number. Numbers are never reused. */
  readonly id: string
  readonly group: WorkerGroup
  readonly contract: string
  /** @internal */
  readonly fixture: WorkerFixture
  /** @internal */
  readonly check: (site: Site, target: string) => Promise<void> | void
}

/** Cases of one project; they share its start. `group`: default `build`. */
export function projectCases(
  fixture: WorkerFixture,
  cases: readonly (readonly [number: string, contract: string, check: ProjectCase['check']])[],
  group: WorkerGroup = 'build',
): ProjectCase[] {
  return cases.map(([number, contract, check]) => {
    return { id: `workers-${group}-${number}`, group, contract, fixture, check }
  })
}
