import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readFileSync } from 'node:fs'
import type { DeployContext, ProgramResult } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'

/** A line of wrangler's machine-readable output (`WRANGLER_OUTPUT_FILE_PATH`); other fields are not used. */
export interface WranglerOutput {
  readonly type: string
  readonly version_id?: string | null
  readonly preview_url?: string
  readonly targets?: readonly string[]
}

/** Runs the project's wrangler in the artifact's folder. */
export interface Wrangler {
  /** Returns the command as a person would type it. */
  text(args: readonly string[]): string
  /** Runs a command. @throws `Unavailable` with what wrangler said. */
  run(args: readonly string[]): Promise<WranglerOutput[]>
  /**
   * Runs a command that prints JSON, and returns it; undefined if it fails in a way that `absent` matches.
   *
   * @throws `Unavailable` with what wrangler said.
   */
  read(args: readonly string[], absent?: RegExp): Promise<unknown>
  /** Returns false if a command fails in a way that `absent` matches. @throws `Unavailable` for others. */
  exists(args: readonly string[], absent: RegExp): Promise<boolean>
}

/** Finds wrangler. @throws `NotFound`, with the command that installs it. */
export function findWrangler(context: DeployContext): Wrangler {
  const file = context.resolve('wrangler/package.json')
  if (file === undefined)
    throw new UnmoorError(
      'NotFound',
      'Deploys to Cloudflare need wrangler: npm install --save-dev wrangler',
      {
        operation: 'deploy',
      },
    )
  const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin: Readonly<Record<string, string>> }
  const program = join(dirname(file), bin['wrangler'] ?? '')
  const text = (args: readonly string[]): string =>
    `npx wrangler ${args.map((part) => (/^[\w@%./:=-]+$/.test(part) ? part : `'${part}'`)).join(' ')}`
  const start = (args: readonly string[], env?: Record<string, string>): Promise<ProgramResult> =>
    // An open standard input, even of a pipe, makes some versions ask.
    context.run(process.execPath, [program, ...args], {
      mayFail: true,
      input: '',
      ...(env === undefined ? {} : { env }),
    })
  const refuse = (args: readonly string[], result: ProgramResult): never => {
    throw new UnmoorError(
      'Unavailable',
      explain(
        text(args),
        essence(context.lastLines({ stdout: `${result.stdout}\n${result.stderr}`, stderr: '' })),
      ),
      {
        operation: 'deploy',
      },
    )
  }
  return {
    text,
    async run(args) {
      const folder = await mkdtemp(join(tmpdir(), 'unmoor-wrangler-'))
      try {
        const output = join(folder, 'output.ndjson')
        const result = await start(args, { WRANGLER_OUTPUT_FILE_PATH: output })
        if (result.code !== 0) refuse(args, result)
        const lines = await readFile(output, 'utf8').catch(() => '')
        return lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as WranglerOutput]))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    async read(args, absent) {
      const result = await start(args)
      if (result.code !== 0) {
        if (absent?.test(`${result.stdout}\n${result.stderr}`) === true) return undefined
        return refuse(args, result)
      }
      // Wrangler may print notices before the JSON.
      const from = result.stdout.search(/^[[{]/m)
      return JSON.parse(result.stdout.slice(Math.max(0, from))) as unknown
    },
    async exists(args, absent) {
      const result = await start(args)
      if (result.code === 0) return true
      return absent.test(`${result.stdout}\n${result.stderr}`) ? false : refuse(args, result)
    },
  }
}

const REFUSED = new RegExp(
  '\\b(9106|9109|10000|10001)\\]|Invalid access token|Authentication error|not logged in|' +
    'CLOUDFLARE_API_TOKEN',
  'i',
)

/** Adds to what wrangler said what to do about a wrong token, which it does not say itself. */
function explain(command: string, said: string): string {
  const isToken = REFUSED.test(said)
  return isToken
    ? 'Cloudflare refuses the credentials: the token is wrong or expired, or lacks a permission. Make a ' +
        'new one ' +
        '(dash.cloudflare.com/profile/api-tokens, "Edit Cloudflare Workers") and set it as ' +
        `CLOUDFLARE_API_TOKEN, or run: npx wrangler login. ${command}: ${said}`
    : `${command}: ${said}`
}

/** Leaves out what wrangler adds to every error. */
function essence(said: string): string {
  return said
    .split(' | ')
    .filter((line) => !/Logs were written|If you think this is a bug|Proxy environment variables/.test(line))
    .join(' ')
    .replaceAll(/[^\x20-\x7E]+ *(?=\[(ERROR|WARNING)\])/g, '')
}
