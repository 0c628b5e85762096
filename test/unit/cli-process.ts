import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { vi } from 'vitest'
import { checkout } from './temp-project.ts'

const MAIN = join(checkout, 'dist/core/tools/cli/main.js')

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
}

/** Loaded by Node itself, as in a process of the command: Vitest would transform each of its modules. */
const loadProgram = (): { run(args: readonly string[]): Promise<number> } =>
  createRequire(import.meta.url)(join(checkout, 'dist/core/tools/cli/program.js')) as ReturnType<
    typeof loadProgram
  >

/**
 * Runs the built command to its end in this process: for tests of what it does and prints, not of the
 * process. A start costs a third of a CPU second.
 */
export async function runUnmoor(
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<CommandResult> {
  const program = loadProgram()
  const output = { stdout: '', stderr: '' }
  const before = { cwd: process.cwd(), exitCode: process.exitCode }
  const listeners = new Set([...process.listeners('SIGINT'), ...process.listeners('SIGTERM')])
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      output[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      return true
    }),
  )
  process.exitCode = undefined
  if (options.cwd !== undefined) process.chdir(options.cwd)
  try {
    return { code: await program.run(args), ...output }
  } finally {
    process.chdir(before.cwd)
    process.exitCode = before.exitCode
    for (const spy of spies) spy.mockRestore()
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      for (const listener of process.listeners(signal))
        if (!listeners.has(listener)) process.off(signal, listener)
  }
}

/** Runs the built command to its end, in a process of its own. */
export async function unmoor(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; node?: string } = {},
): Promise<CommandResult> {
  const { child, result } = startUnmoor(args, options)
  // So that what hangs does not outlive the test, which ends a moment later.
  const timer = setTimeout(() => child.kill('SIGKILL'), 175_000)
  try {
    return await result
  } finally {
    clearTimeout(timer)
  }
}

/** Starts the built command; `line` resolves with the first line of stdout or stderr that has `text`. */
export function startUnmoor(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; node?: string } = {},
): { child: ChildProcess; result: Promise<CommandResult>; readonly line: (text: string) => Promise<string> } {
  const child = spawn(options.node ?? process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const listener of listeners) listener()
    })
  }
  const result = new Promise<CommandResult>((resolve) => {
    child.on('close', (code) => resolve({ code, ...output }))
  })
  const line = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = `${output.stdout}\n${output.stderr}`
          .split('\n')
          .find((candidate) => candidate.includes(text))
        if (found === undefined) return
        listeners.delete(look)
        resolve(found)
      }
      listeners.add(look)
      look()
      void result.then(({ code }) =>
        reject(
          new Error(`ended with ${code} without a line with "${text}":\n${output.stdout}\n${output.stderr}`),
        ),
      )
    })
  return { child, result, line }
}
