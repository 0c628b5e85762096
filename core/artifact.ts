/** What an artifact is, and what its builds, starts and deploys share. */
import type { Migration } from './bindings/migrations.ts'
import type { Manifest } from './manifest.ts'

/**
 * The driver of a binding, as plain JSON: a name and options. An option `{ env: 'NAME' }` is read from the
 * environment of the process at start.
 */
export interface DriverSpec {
  /**
   * Name of a built-in driver (`sqlite`, `fs`, `memory`, `postgres`, `dynamodb`, `s3`, `sqs`, ...) or module
   * specifier of another driver.
   */
  readonly driver: string
  readonly [option: string]: unknown
}

/** Writes the progress lines of a command for people; silent under `--reporter json`. */
export interface Log {
  info(message: string): void
  warn(message: string): void
}

/**
 * Version of the format of `unmoor.json` and of a host's stored settings that this release writes. In format
 * 2, time-outs of all drivers are in seconds.
 */
export const ARTIFACT_FORMAT = 2

/**
 * Content of `unmoor.json`, which lies in each artifact so that the artifact can be started without the
 * project.
 */
export interface ArtifactInfo {
  /**
   * Format version of `unmoor.json`: {@link ARTIFACT_FORMAT}. Absent in artifacts built before 0.2, whose
   * time-outs are in milliseconds.
   */
  readonly format?: number
  readonly target: string
  readonly manifest: Manifest
  readonly drivers: Readonly<Record<string, DriverSpec>>
  readonly migrations: Readonly<Record<string, readonly Migration[]>>
  readonly options: Readonly<Record<string, unknown>>
  readonly testChannel: boolean
  /** Environment of the config that the artifact was built for. Default: none. */
  readonly environment?: string
}
