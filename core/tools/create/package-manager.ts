import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun'

/** File of a pnpm workspace, at its root. */
export const PNPM_SETTINGS = 'pnpm-workspace.yaml'

const LOCK_FILES = {
  'package-lock.json': 'npm',
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
} as const satisfies Record<string, PackageManager>

/**
 * Returns the package manager of a project: that of its lock file, else the one that runs this command, as
 * `pnpm create` and its like tell.
 */
export function packageManagerOf(dir: string): PackageManager {
  for (const [file, manager] of Object.entries(LOCK_FILES)) if (existsSync(join(dir, file))) return manager
  const agent = process.env['npm_config_user_agent'] ?? ''
  return (/^(pnpm|yarn|bun)\//.exec(agent)?.[1] as PackageManager | undefined) ?? 'npm'
}

/**
 * True if the project gets settings for pnpm: it is pnpm's, and no part of a workspace, which has its
 * settings at its root.
 */
export function needsPnpmWorkspace(dir: string): boolean {
  if (packageManagerOf(dir) !== 'pnpm') return false
  for (let above = dirname(dir); above !== dirname(above); above = dirname(above))
    if (existsSync(join(above, PNPM_SETTINGS))) return false
  return true
}

/**
 * Returns pnpm's settings for packages with install scripts: without a decision for each of them, `pnpm
 * install` ends with exit code 1.
 */
export function pnpmWorkspace(allowScripts: Readonly<Record<string, boolean>>): string {
  const lines = Object.entries(allowScripts).map(([name, allowed]) => `  ${name}: ${allowed}\n`)
  return `allowBuilds:\n${lines.join('')}`
}
