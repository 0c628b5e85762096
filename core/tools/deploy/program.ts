import { spawn } from 'node:child_process'
import type { ProgramOptions, ProgramResult } from '../../deploy.ts'
import { UnmoorError } from '../../errors.ts'

/** Lines of a failed program that its error has. */
const LINES = 12

/**
 * Runs a program without a shell.
 *
 * @throws `NotFound` if there is no such program; `Unavailable` with its last lines if it exits with another
 * code than 0, unless it may.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, input, mayFail = false }: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => void (output[name] += text))
  // A program that ends before it has read its input closes the pipe, which is no error of its own.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(
        new UnmoorError('NotFound', `${program} cannot be run: ${cause.message}. Install it.`, {
          operation: 'deploy',
          cause,
        }),
      )
    })
    child.on('close', (status, signal) => resolve(status ?? (signal === null ? 1 : 128)))
  })
  if (code !== 0 && !mayFail)
    throw new UnmoorError('Unavailable', `exit code ${code}: ${lastLines(output)}`, { operation: 'deploy' })
  return { code, ...output }
}

/** Returns what a program said last, without colours and blank lines. */
export function lastLines({ stdout, stderr }: { stdout: string; stderr: string }): string {
  const text = stderr.trim() === '' ? stdout : stderr
  // oxlint-disable-next-line no-control-regex -- terminal colours begin with the escape character
  const plain = text.replaceAll(/\x1B\[[0-9;]*m/g, '')
  const lines = plain.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]))
  return lines.slice(-LINES).join(' | ') || 'it said nothing'
}
