import type { DurableObjectId } from '@cloudflare/workers-types'
import type { WorkerCase, WorkerTools } from '../case.ts'
import { equal } from './tools.ts'

type Task = (name: string, ...args: unknown[]) => Promise<unknown>
export interface Stub {
  id: DurableObjectId
  name?: string
  fetch(url: string, init?: RequestInit): Promise<Response>
  task: Task
  increment(by?: number): Promise<number>
  started(): Promise<number>
  fails(): Promise<never>
}

/** Returns a stub of a Durable Object that is unique to the case. */
export function object({ env, key }: WorkerTools, suffix = 'o'): Stub {
  return env.COUNTER.get(env.COUNTER.idFromName(key(suffix))) as unknown as Stub
}

/** Defines a case in which a task inside a Durable Object of its own returns `expected`. */
export const gives = (
  number: string,
  contract: string,
  expected: unknown,
  name: string,
  ...args: unknown[]
): [string, string, WorkerCase['run']] => [
  number,
  contract,
  async (tools) => equal(await object(tools).task(name, ...args), expected),
]
