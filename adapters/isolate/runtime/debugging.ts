import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type ivm from 'isolated-vm'
import type { IsolateOptions } from '../options.ts'
import type { GuestImage } from './guest.ts'
import { Image, type Sources } from './image.ts'
import type { Limits } from './limits.ts'
import { printLog } from './log.ts'
import type { StackMapper } from './stack-mapper.ts'
import { VmImage, vmModule } from './vm-image.ts'

/** While somebody may stand at a breakpoint, no clock runs: a day. */
const NO_LIMIT_MS = 86_400_000

/** What a run is started with. */
export interface Debugging {
  module: typeof ivm
  image: GuestImage
  limits: Limits
  /** Whether clients see what the app threw. */
  showErrors: boolean
}

interface Run {
  ivm: typeof ivm
  sources: Sources
  options: IsolateOptions
  limits: Limits
  dir: string
  mapper: StackMapper
}

/**
 * Reads `UNMOOR_DEV` (1: errors are shown to clients) and `UNMOOR_DEBUG` (1: the app runs where Node's own inspector sees it). `unmoor dev` and
 * `--inspect` set them.
 */
export async function openDebugging({ ivm: module, sources, options, limits, dir, mapper }: Run): Promise<Debugging> {
  const showErrors = process.env['UNMOOR_DEV'] === '1'
  if (process.env['UNMOOR_DEBUG'] !== '1') return { module, image: new Image(module, sources, options.startup), limits, showErrors }
  console.error('Debugging: the app runs in the host’s own process, without limits. For development only.')
  const image = new VmImage({ ...sources, app: await withMap(sources.app, dir) }, (text) => printLog('error', mapper.text(text)))
  return { module: vmModule, image, limits: { ...limits, cpuMs: NO_LIMIT_MS, startupMs: NO_LIMIT_MS, wallSeconds: undefined }, showErrors }
}

/** The bundle with its source map inside: a debugger shows the app's own files. */
async function withMap(app: string, dir: string): Promise<string> {
  const map = await readFile(join(dir, 'app.js.map'), 'base64').catch(() => undefined)
  return map === undefined ? app : `${app}\n//# sourceMappingURL=data:application/json;base64,${map}\n`
}
