/** Runs built servers with an admin port, for the tests of what that port answers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { PATIENCE } from '../patience.ts'

export interface Server {
  child: ChildProcess
  lines: string[]
  /** Origins of the app and of its admin port. */
  urls(): Promise<[string, string]>
  ended: Promise<number | null>
}

/** Starts the `server.mjs` in `dir`, on a port of the system's choice unless `env` names another. */
export function runServer(dir: string, env: Record<string, string>): Server {
  const child = spawn(process.execPath, ['--no-node-snapshot', 'server.mjs'], {
    cwd: dir,
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: `${dir}/data`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => lines.push(line))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const find = (text: string): string | undefined =>
    lines.map((line) => new RegExp(`${text} (http:\\S+)`).exec(line)?.[1]).find(Boolean)
  return {
    child,
    lines,
    ended,
    async urls() {
      await expect
        .poll(() => find('has its admin port on'), { ...PATIENCE, message: lines.join('\n') })
        .toBeDefined()
      return [find('listens on') as string, find('has its admin port on') as string]
    },
  }
}

/** Asks a URL on a connection of its own; returns the status and the text. */
export async function ask(url: string): Promise<[number, string]> {
  const answer = await fetch(url, { headers: { connection: 'close' } })
  return [answer.status, await answer.text()]
}
