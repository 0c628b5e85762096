import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type * as Build from '../../core/tools/build/build.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** This repository, wherever the bench lies in it. */
const CHECKOUT = fileURLToPath(
  new URL('.', pathToFileURL(createRequire(import.meta.url).resolve('unmoor/package.json'))),
)

/** A built checkout of unmoor whose code is measured. What measures is always this checkout's. */
export interface Subject {
  /** `ours`, or `commit SHA`. */
  readonly name: string
  readonly root: string
  /** The command's file. */
  readonly cli: string
  /**
   * A file or folder of the bench (`apps/http`, `servers/lambda-translate.ts`) in that checkout. @throws
   * {@link NotThere}
   */
  file(path: string): string
  /** A file or folder of that checkout. @throws {@link NotThere} */
  rootFile(path: string): string
  /** Builds a project by that checkout's own build. */
  build(options: Omit<Build.BuildOptions, 'adapter'>): Promise<Build.BuiltApp>
}

/** What an earlier commit does not have, so that there is nothing to compare. */
export class NotThere extends Error {}

export function createSubject(name: string, root: string): Subject {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: { unmoor: string } }
  const rootFile = (path: string): string => {
    const file = join(root, path)
    if (!existsSync(file)) throw new NotThere(`${name} has no ${path}`)
    return file
  }
  return {
    name,
    root,
    cli: join(root, bin.unmoor),
    rootFile,
    file: (path) => rootFile(join(relative(CHECKOUT, HERE), path)),
    async build(options) {
      // Imported by its public name: the files may lie elsewhere in another commit.
      const url = pathToFileURL(createRequire(join(root, 'package.json')).resolve('unmoor/build')).href
      const { buildApp } = (await import(url)) as typeof Build
      return buildApp(options)
    },
  }
}

/** This checkout. */
export const ours = createSubject('ours', CHECKOUT)

/** What one id compares: ours with its peers, or, with `--commit`, with that commit alone. */
export function subjectsOf({ base }: { base?: Subject | undefined }): readonly Subject[] {
  return base === undefined ? [ours] : [ours, base]
}
