import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { NamedLibrary } from './library.ts'

/** The app on plain Node. */
export interface Control {
  url: string
  /** What the app printed, for failures. */
  output(): string
  stop(): Promise<void>
}

/**
 * Starts the library's app in a Node process without unmoor's build, runtime and server: `control-child.ts`.
 */
export async function startControl(
  { dir, entry }: NamedLibrary,
  variables: Readonly<Record<string, string>>,
): Promise<Control> {
  const own = join(dir, 'control.ts')
  const child = fork(join(import.meta.dirname, 'control-child.ts'), [], {
    // tsx: apps may be TSX or have decorators, which Node does not take out by itself.
    execArgv: ['--no-warnings', '--import', 'tsx'],
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => void (output += text))
  const ended = once(child, 'exit')
  const ready = once(child, 'message') as Promise<[{ url: string } | { error: string }]>
  child.send({ entry: existsSync(own) ? own : entry, variables })
  const [message] = await Promise.race([
    ready,
    ended.then(([code]) => [{ error: `it ended with ${String(code)}\n${output}` }] as const),
  ])
  if ('error' in message) {
    child.kill('SIGKILL')
    throw new Error(`The control does not start: ${message.error}`)
  }
  return {
    url: message.url,
    output: () => output,
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
