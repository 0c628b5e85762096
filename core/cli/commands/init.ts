import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { APP_NAME } from '../../build/config-check.ts'
import { usageError } from '../exit.ts'
import { options } from '../options.ts'
import { createReporter, shortPath } from '../reporter.ts'
import { projectFiles } from '../template.ts'

interface Options {
  name?: string
  reporter: 'text' | 'json'
}

/** `unmoor init`. */
export function register(program: Command): void {
  program
    .command('init')
    .description('make a small Hono app with a kv, a queue, a cron and tests')
    .argument('[dir]', 'the new folder; asked for on a terminal, else this one')
    .option('--name <name>', "the app's name (default: the folder's)")
    .addOption(options.reporter())
    .action(init)
}

async function init(dir: string | undefined, { name, reporter }: Options): Promise<void> {
  const report = createReporter(reporter)
  const asked = dir ?? (process.stdin.isTTY && process.stdout.isTTY && !report.json ? await askFolder() : '.')
  const target = resolve(asked)
  // What a fresh repository has is no reason to refuse.
  const present = existsSync(target) ? (await readdir(target).catch(() => [target])).filter((entry) => entry !== '.git') : []
  if (present.length > 0)
    throw usageError(`${target} is not empty (${present.slice(0, 3).join(', ')}${present.length > 3 ? ', ...' : ''}). Name a new folder: unmoor init my-app`)
  const appName = name ?? toName(basename(target))
  if (!APP_NAME.test(appName))
    throw usageError(`"${appName}" is no name for an app: lower-case letters, digits and hyphens, a letter first, at most 63. Give one with --name.`)
  const files = projectFiles(appName)
  for (const [path, content] of Object.entries(files)) {
    const file = join(target, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  const folder = shortPath(target)
  report.print(
    `Made ${appName} in ${folder}:\n${Object.keys(files)
      .map((path) => `  ${path}`)
      .join('\n')}`,
  )
  report.print(`\nNext:\n${folder === '.' ? '' : `  cd ${folder}\n`}  npm install\n  npm run dev\n  npm test`)
  report.result({ dir: target, name: appName, files: Object.keys(files) })
}

function toName(folder: string): string {
  return (
    folder
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 63) || 'my-app'
  )
}

async function askFolder(): Promise<string> {
  const { isCancel, text } = await import('@clack/prompts')
  const answer = await text({ message: 'Where shall the app be made?', placeholder: './my-app', defaultValue: './my-app' })
  if (isCancel(answer)) throw usageError('Nothing was made.')
  return answer
}
