import { resolve } from 'node:path'
import type { DeployContext } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { NodeDeployOptions } from './options.ts'

/** The server of a deploy, as ssh reaches it. */
export interface Server {
  /** Returns a command on the server as a person would type it. */
  text(command: string): string
  /** Runs a command of `sh`. @throws `Unavailable` with what it said. */
  shell(command: string, input?: Uint8Array): Promise<string>
  /** Runs a function of `remote.ts` by the server's Node. @throws `Unavailable` with the function's error. */
  call<Input, Result>(work: (input: Input) => Promise<Result>, input: Input): Promise<Result>
}

/** Begins the line with a function's result, since the server's shell may print lines of its own. */
const MARK = 'unmoor-result '

/** Returns the server that the options name. */
export function createServer(
  context: DeployContext,
  { host, port, sshConfig, node = 'node' }: NodeDeployOptions & { host: string },
): Server {
  const flags = [
    '-o',
    'BatchMode=yes',
    '-o',
    'ConnectTimeout=20',
    ...(sshConfig === undefined ? [] : ['-F', resolve(context.projectDir, sshConfig)]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '--',
    host,
  ]
  const run = async (command: string, input: string | Uint8Array = ''): Promise<string> => {
    const { code, ...output } = await context.run('ssh', [...flags, command], { input, mayFail: true })
    if (code === 0) return output.stdout
    // ssh itself fails with 255, and a command on the server with a code of its own.
    const said = context.lastLines(output)
    throw new UnmoorError(
      'Unavailable',
      code === 255
        ? `ssh does not reach ${host}: ${said}. Try: ssh ${host} true`
        : `${command} failed on ${host} (exit code ${code}): ${said}`,
      { operation: 'deploy' },
    )
  }
  return {
    text: (command) => `ssh ${host} ${quote(command)}`,
    shell: run,
    async call(work, input) {
      const source =
        `const work = ${work.toString()}\n` +
        `const print = (result) => process.stdout.write('\\n${MARK}' + JSON.stringify(result) + '\\n')\n` +
        `await work(${JSON.stringify(input)}).then((value) => print({ value }), ` +
        '(error) => print({ error: error.message }))\n'
      const output = await run(`${node} --input-type=module`, source)
      const line = output.split('\n').findLast((text) => text.startsWith(MARK))
      const { value, error } = JSON.parse(line?.slice(MARK.length) ?? '{}') as {
        value: never
        error?: string
      }
      if (line === undefined || error !== undefined)
        throw new UnmoorError('Unavailable', error ?? `Node on ${host} printed no result.`, {
          operation: 'deploy',
        })
      return value
    },
  }
}

/** Quotes a text for a POSIX shell. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
