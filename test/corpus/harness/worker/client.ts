import { setTimeout } from 'node:timers/promises'
import { sendOne } from '../client.ts'
import type { Answer, Answers } from '../library.ts'
import type { WorkerRequest } from './case.ts'

/** How often a request with `until` is sent, and the pause between two. */
const TRIES = 60
const PAUSE_MS = 200

/** Sends the requests in their order and returns the answers by name. A request that breaks is its answer. */
export async function askAll(url: string, requests: readonly WorkerRequest[]): Promise<Answers> {
  const answers: Record<string, Answer> = {}
  for (const request of requests) {
    for (let tries = 1; ; tries++) {
      const answer = await askOne(url, request, answers)
      answers[request.name] = answer
      if (request.until === undefined || answer.body.includes(request.until) || tries === TRIES) break
      await setTimeout(PAUSE_MS)
    }
  }
  return answers
}

async function askOne(url: string, request: WorkerRequest, answers: Answers): Promise<Answer> {
  const fill = (text: string): string => text.replaceAll('{origin}', url)
  try {
    const { path, headers = {} } = request
    const ownPath = typeof path === 'function' ? path(answers) : path
    const own = typeof headers === 'function' ? headers(answers) : headers
    return await sendOne(
      url,
      {
        ...request,
        path: fill(ownPath),
        headers: Object.fromEntries(Object.entries(own).map(([name, value]) => [name, fill(value)])),
      },
      answers,
    )
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { status: 0, headers: {}, body: `the request broke: ${why}` }
  }
}
