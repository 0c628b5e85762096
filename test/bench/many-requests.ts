import { Agent, request } from 'node:http'

/**
 * Asks each host once, a few at a time, each on a connection that is kept. @throws for an answer that is not
 * `expected`.
 */
export async function askEach(
  url: string,
  hosts: readonly string[],
  expected: string,
  atOnce: number,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  let next = 0
  const work = async (): Promise<void> => {
    while (next < hosts.length) {
      const host = hosts[next++] as string
      const answer = await ask(url, host, agent)
      if (answer !== `200 ${expected}`) throw new Error(`${host} answered ${answer}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, work))
  } finally {
    agent.destroy()
  }
}

/** Status and body. */
export function ask(
  url: string,
  host: string,
  agent: Agent,
  init: { method?: string; path?: string; body?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url + (init.path ?? '/'),
      { method: init.method ?? 'GET', agent, headers: { host } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve(`${response.statusCode} ${text}`))
        response.once('error', reject)
      },
    )
    sent.once('error', reject)
    sent.end(init.body)
  })
}
