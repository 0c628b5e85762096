/** `unmoor queue` against a deployment with the data route. */
import { type CommandResult, runUnmoor } from '../unit/cli-process.ts'
import { TOKEN } from './route-deployment.ts'

export const queue = (url: string, args: readonly string[], token = TOKEN): Promise<CommandResult> =>
  runUnmoor(['queue', ...args, '--url', url, '--token', token])

export async function json(url: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await queue(url, [...args, '--reporter', 'json'])
  return JSON.parse(stdout) as Record<string, unknown>
}

/** What `list` prints, without the time that passed and the padding for it. */
export async function listedText(url: string): Promise<string> {
  const { stdout } = await queue(url, ['list'])
  return stdout.replaceAll(/ since \d+ (?:s|min|h|d),/g, ' since N s,').replaceAll(/ {3,}/g, '  ')
}

export interface Listed {
  name: string
  driver: string
  depth: { ready: number; delayed: number; leased: number } | null
  deadLetterQueue?: string
}

export async function list(url: string): Promise<Record<string, Listed>> {
  const { queues } = (await json(url, ['list'])) as unknown as { queues: Listed[] }
  return Object.fromEntries(queues.map((one) => [one.name, one]))
}

export interface Peeked {
  id: string
  state: string
  attempts: number
  sent: string
  size: number
  encoding: string
  cut: boolean
  body: unknown
}

export const peek = async (url: string, args: readonly string[]): Promise<Peeked[]> =>
  ((await json(url, ['peek', ...args])) as unknown as { messages: Peeked[] }).messages
