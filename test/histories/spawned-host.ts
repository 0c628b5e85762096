import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../dist/core/tools/cli/main.js', import.meta.url))

/** A host in a process of its own, which can be stopped and killed. */
export interface SpawnedHost {
  child: ChildProcess
  url: string
  adminUrl: string
  /** What it has printed. */
  lines: string[]
}

/**
 * Starts a host with `config`, which is written to `file` and has an admin port. @throws where it does not
 * start.
 */
export async function spawnHost(file: string, config: object): Promise<SpawnedHost> {
  await writeFile(file, JSON.stringify(config))
  const child = spawn(process.execPath, [CLI, 'host', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const urls = new Promise<string[]>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        const found = lines.join('\n').match(/processes: (http:\S+)[^]*admin: (http:[^\s,]+)/)
        if (found !== null) resolve(found.slice(1))
      })
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`The host did not start:\n${lines.join('\n')}`)
  })
  ended.catch(() => {})
  const [url, adminUrl] = await Promise.race([urls, ended])
  return { child, url: url as string, adminUrl: adminUrl as string, lines }
}

/** Sends a signal to a process and to the processes that it has started. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  const threads = readdirSync(`/proc/${pid}/task`)
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').map(Number),
  )
  process.kill(pid, signal)
  for (const child of children) if (child > 0) process.kill(child, signal)
}
