import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { HostConfig } from '../../adapters/isolate/host/index.ts'
import type { Contender } from './contender.ts'
import type { Subject } from './subject.ts'

/**
 * Runs `unmoor host` as a user does: the command, with a config file. Its figures are of the command, the
 * children and the one in waiting together.
 */
export async function startHost(
  { name, cli }: Pick<Subject, 'name' | 'cli'>,
  config: HostConfig,
): Promise<Contender> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-bench-host-'))
  const file = join(dir, 'host.json')
  await writeFile(file, JSON.stringify({ port: 0, dataDir: './data', ...config }))
  const child = spawn(process.execPath, [cli, 'host', '--config', file, '--reporter', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve((JSON.parse(line) as { url: string }).url),
    )
    ended.then(
      ([code]) => reject(new Error(`unmoor host ended with code ${String(code)}.`)),
      (error: unknown) => reject(error as Error),
    )
  })
  return {
    name,
    url,
    pids: [child.pid as number],
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Apps `prefix1` and on, each the artifact in `dir`. */
export function sameApps(prefix: string, count: number, dir: string): NonNullable<HostConfig['apps']> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index + 1}`, { dir }]))
}
