import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Adapter } from '../../adapter.ts'
import type { AnyConfig } from '../../config.ts'
import { UnmoorError } from '../../errors.ts'
import { didYouMean } from '../../option-table.ts'
import { configError } from './config-check.ts'
import { explainMissingPackage, fromSource, resolveFrom } from './packages.ts'
import { TARGETS } from './targets.ts'

export { TARGETS }

/**
 * Target names that a command may use in this project: unmoor's own, and targets with an `adapter` in the
 * config.
 */
export function knownTargets(config: AnyConfig): string[] {
  const own = Object.entries(config.targets ?? {}).filter(([, target]) => target.adapter !== undefined)
  return [...new Set([...TARGETS, ...own.map(([name]) => name)])]
}

/**
 * Loads the adapter of a target: unmoor's own by name, else the module in `targets.NAME.adapter` of the
 * config, or the module at `target` if that is a path.
 *
 * @throws `InvalidArgument` (operation `config`) for an unknown target; `NotFound` if the adapter, or a
 * package that it needs, is not installed.
 */
export async function loadAdapter(
  target: string,
  projectDir: string,
  config: AnyConfig = {},
): Promise<Adapter> {
  const adapter = await importAdapter(adapterUrl(target, projectDir, config), `The target "${target}"`)
  if (config.targets?.[target]?.adapter !== undefined && adapter.name !== target) {
    throw configError(
      `targets.${target}.adapter: that adapter calls itself "${adapter.name}". Write ` +
        `targets.${adapter.name} instead.`,
    )
  }
  return adapter
}

/**
 * Loads an adapter for use outside of any project. `module` is a path relative to `dir`, or a package that
 * resolves from `dir`.
 *
 * @throws the errors of {@link loadAdapter}
 */
export async function loadAdapterModule(module: string, dir: string): Promise<Adapter> {
  const path =
    isPath(module) || existsSync(resolve(dir, module))
      ? resolve(dir, module)
      : resolvePackage(module, module, dir)
  if (!existsSync(path)) throw configError(`There is no adapter module ${path}.`)
  return importAdapter(pathToFileURL(path).href, `The adapter ${module}`)
}

async function importAdapter(url: string, what: string): Promise<Adapter> {
  const module = (await import(/* @vite-ignore */ url).catch((error: unknown) => {
    throw explainMissingPackage(error, what)
  })) as { default?: Adapter }
  const adapter = module.default
  if (
    typeof adapter?.build !== 'function' ||
    typeof adapter.start !== 'function' ||
    typeof adapter.name !== 'string'
  ) {
    throw new UnmoorError('InvalidArgument', `${what}: ${url} has no Adapter as its default export.`, {
      operation: 'build',
    })
  }
  return adapter
}

function adapterUrl(target: string, projectDir: string, config: AnyConfig): string {
  const named = config.targets?.[target]?.adapter ?? (isPath(target) ? target : undefined)
  if (named !== undefined) {
    const path = isPath(named) ? resolve(projectDir, named) : resolvePackage(target, named, projectDir)
    if (!existsSync(path)) throw configError(`Target "${target}": there is no adapter module ${path}.`)
    return pathToFileURL(path).href
  }
  if (!(TARGETS as readonly string[]).includes(target)) {
    throw configError(
      `There is no target "${target}".${didYouMean(target, knownTargets(config))} Targets: ` +
        `${knownTargets(config).join(', ')}. An adapter of your own is named in unmoor.config.ts as ` +
        `targets.${target}.adapter.`,
    )
  }
  return new URL(`../../../adapters/${target}/index.${fromSource ? 'ts' : 'js'}`, import.meta.url).href
}

function isPath(name: string): boolean {
  return name.startsWith('.') || isAbsolute(name)
}

function resolvePackage(target: string, name: string, projectDir: string): string {
  try {
    return resolveFrom(projectDir, name)
  } catch (cause) {
    throw new UnmoorError(
      'NotFound',
      `Target "${target}": its adapter "${name}" is not installed. Run: npm install ${name}`,
      { operation: 'config', cause },
    )
  }
}
