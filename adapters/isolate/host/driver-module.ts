import type { DriverOf } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

type DriverModule = Readonly<Partial<Record<keyof DriverOf | 'cronStore', unknown>>>

/** Imports a driver's module by a built-in driver's name, a package's name or a path. */
export async function loadModule(name: string, binding: string): Promise<DriverModule> {
  if (!/^[a-z0-9-]+(\/cron)?$/.test(name)) return (await import(/* @vite-ignore */ name)) as DriverModule
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  try {
    return (await import(
      /* @vite-ignore */ new URL(`../../drivers/${name}/index.${extension}`, import.meta.url).href
    )) as DriverModule
  } catch (cause) {
    throw new UnmoorError(
      'NotFound',
      `The driver "${name}" of binding "${binding}" cannot be loaded: ${(cause as Error).message}`,
      { cause },
    )
  }
}
