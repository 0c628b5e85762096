import type { WorkerGroup } from '../case.ts'

/** A Worker project with its files. */
export interface WorkerFixture {
  /** Content of the wrangler file. */
  readonly wrangler: Readonly<Record<string, unknown>>
  /** Contents of the project's files by path. */
  readonly files: Readonly<Record<string, string>>
  /** Packages that the project has installed, of those that come with wrangler. Default: none. */
  readonly packages?: readonly string[]
}

/** A running Worker project, or one that failed to start. */
export interface Site {
  /** Sends a request; redirects are not followed. @throws the error of a failed start. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Sends a GET and returns the body; fails for another status than 200. */
  text(path: string): Promise<string>
  /** Origin of the site. @throws the error of a failed start. */
  readonly url: string
  /** URL of a server that a Worker can fetch from (`origin.ts`). */
  readonly origin: string
  /** `host:port` of a TCP server that echoes what it receives. */
  readonly echo: string
  /** Error message of a failed start; undefined if the site runs. */
  readonly failure: string | undefined
  /** Lines that the Worker has printed; empty under wrangler. */
  readonly output: readonly string[]
  /** Warnings of the build. */
  readonly warnings: readonly string[]
}

/** A contract about how a Worker is built and served, checked from outside on every target. */
export interface ProjectCase {
  /** Case id of group and number. Numbers are never reused. */
  readonly id: string
  readonly group: WorkerGroup
  readonly contract: string
  /** @internal */
  readonly fixture: WorkerFixture
  /** @internal */
  readonly check: (site: Site, target: string) => Promise<void> | void
}

/** Creates the cases of one project, which share one start. `group`: default `build`. */
export function projectCases(
  fixture: WorkerFixture,
  cases: readonly (readonly [number: string, contract: string, check: ProjectCase['check']])[],
  group: WorkerGroup = 'build',
): ProjectCase[] {
  return cases.map(([number, contract, check]) => {
    return { id: `workers-${group}-${number}`, group, contract, fixture, check }
  })
}
