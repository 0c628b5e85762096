/**
 * Opens a place that `unmoor data` reads or writes: a target of a project, the URL of a deployment, or the
 * folder of an archive.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { DriverSpec } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import { MANIFEST_FILE } from './archive-format.ts'
import { openArchive } from './archive-source.ts'
import { openDeployment } from './deployment.ts'
import type { Live } from './live.ts'
import type { WorkerChoice } from '../build/project.ts'
import { openProject } from './project-place.ts'
import type { Source } from './records.ts'

/** Options of {@link openPlace}, which opens a place that `unmoor data` reads or writes. */
export interface PlaceOptions {
  /** Folder of the project whose target is used if a place names no other project. */
  projectDir: string
  /**
   * Existing Worker whose stores `unmoor data` opens in place of those of an app in this project. Default:
   * the Worker that the config names.
   */
  worker?: WorkerChoice | undefined
  /**
   * Environment (of the config, or of a Worker's wrangler file) in which `unmoor data` opens a place that
   * names no environment. Default: none.
   */
  environment?: string | undefined
  /** Token of the data route. Default: the environment's UNMOOR_DATA_TOKEN. */
  token?: string | undefined
  drivers?: Readonly<Record<string, string | DriverSpec>> | undefined
  dataDir?: string | undefined
  envFile?: string | undefined
  /** Names of tables that the data transfer leaves out. */
  exclude: readonly string[]
  bindings?: readonly string[] | undefined
}

/**
 * Opens a place such as `node`, `node@staging`, `../other:node` or `https://...` for reading and writing.
 *
 * @throws `InvalidArgument` for an archive, which cannot be written here, or for a missing token.
 */
export async function openLive(place: string, options: PlaceOptions): Promise<Live> {
  if (/^https?:\/\//.test(place)) {
    const token = options.token ?? process.env['UNMOOR_DATA_TOKEN']
    if (token === undefined || token === '')
      throw new UnmoorError(
        'InvalidArgument',
        `${place} needs the token of its data route: give --from-token or --to-token, or set ` +
          'UNMOOR_DATA_TOKEN.',
        {
          operation: 'config',
        },
      )
    return openDeployment(place, token, options.exclude)
  }
  const { project, target, environment = options.environment } = readPlace(place)
  // If a place of `unmoor data` names another project, that project's config decides if the project is a
  // Worker.
  return project === undefined
    ? openProject({ ...options, environment, target })
    : openProject({
        ...options,
        worker: undefined,
        environment,
        projectDir: resolve(project),
        target,
      })
}

/** Splits a place of `unmoor data`, `PROJECT:TARGET@ENVIRONMENT`, of which only the target is required. */
function readPlace(place: string): {
  project?: string
  target: string
  environment?: string
} {
  const colon = place.lastIndexOf(':')
  const whole = place.slice(colon + 1)
  // The target in a place of `unmoor data` may be the path of an adapter, which may contain an @.
  const at = /^[.@/]/.test(whole) ? -1 : whole.lastIndexOf('@')
  return {
    ...(colon < 0 ? {} : { project: place.slice(0, colon) }),
    target: at < 0 ? whole : whole.slice(0, at),
    ...(at < 0 ? {} : { environment: whole.slice(at + 1) }),
  }
}

/** Opens any place for reading; a folder with a manifest or an export's journal is an archive. */
export async function openSource(place: string, options: PlaceOptions): Promise<Source> {
  return isArchive(place) ? openArchive(resolve(place)) : openLive(place, options)
}

/** Returns true if a place of `unmoor data` is an archive's folder. */
export function isArchive(place: string): boolean {
  return existsSync(join(place, MANIFEST_FILE)) || existsSync(join(place, 'progress.json'))
}
