import type { WorkerGroup } from '../case.ts'

/** A Worker project of conformance cases, with its files. */
export interface WorkerFixture {
  /** Content of the project's wrangler file. */
  readonly wrangler: Readonly<Record<string, unknown>>
  /** Contents of the Worker project's files by path. */
  readonly files: Readonly<Record<string, string>>
  /** Packages that the Worker project has installed, of those that come with wrangler. Default: none. */
  readonly packages?: readonly string[]
}

/** The site of a running Worker project, or of one that failed to start. */
export interface Site {
  /** Sends a request to the site; redirects are not followed. @throws the error of a failed start. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Sends a GET to the site and returns the body; fails for another status than 200. */
  text(path: string): Promise<string>
  /** Origin (URL) of the Worker project's running site. @throws the error of a failed start. */
  readonly url: string
  /** URL of the origin server that a Worker can fetch from (`origin.ts`). */
  readonly origin: string
  /** Address `host:port` of a TCP server that the Worker can connect to; it echoes what it receives. */
  readonly echo: string
  /** Error message of the site's failed start; undefined if the site runs. */
  readonly failure: string | undefined
  /** Lines that the project's Worker has printed; empty under wrangler. */
  readonly output: readonly string[]
  /** Warnings of the Worker project's build. */
  readonly warnings: readonly string[]
}

/** A conformance case about how a Worker is built and served, checked from outside on every target. */
export interface ProjectCase {
  /** Id of a Worker project's case from group and number. Numbers are never reused. */
  readonly id: string
  readonly group: WorkerGroup
  readonly contract: string
  /** @internal */
  readonly fixture: WorkerFixture
  /** @internal */
  readonly check: (site: Site, target: string) => Promise<void> | void
}

/** Creates the cases of one Worker project, which share one start. `group`: default `build`. */
export function projectCases(
  fixture: WorkerFixture,
  cases: readonly (readonly [number: string, contract: string, check: ProjectCase['check']])[],
  group: WorkerGroup = 'build',
): ProjectCase[] {
  return cases.map(([number, contract, check]) => {
    return { id: `workers-${group}-${number}`, group, contract, fixture, check }
  })
}
