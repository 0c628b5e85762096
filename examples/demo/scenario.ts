/** One answer, reduced to what every target must agree on. */
export interface Answer {
  request: string
  status: number
  contentType: string | null
  location: string | null
  body: string
}

const ICON = Uint8Array.from({ length: 256 }, (_, index) => index)

/** Uses the links app at `url` as its users do, and returns the answers in order. */
export async function runScenario(url: string, token: string): Promise<Answer[]> {
  const answers: Answer[] = []
  const send = async (method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(new URL(path, url), { ...init, method, redirect: 'manual' })
    const bytes = new Uint8Array(await response.arrayBuffer())
    return {
      request: `${method} ${path}`,
      status: response.status,
      contentType: response.headers.get('content-type')?.toLowerCase().replaceAll(' ', '') ?? null,
      location: response.headers.get('location'),
      body: new TextDecoder('latin1').decode(bytes),
    }
  }
  const keep = async (...args: Parameters<typeof send>): Promise<Answer> => {
    const answer = await send(...args)
    answers.push(answer)
    return answer
  }
  const admin = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const link = (slug: string, target: string): RequestInit => ({
    headers: admin,
    body: JSON.stringify({ slug, url: target }),
  })

  await keep('GET', '/')
  await keep('GET', '/chart.js')
  await keep('GET', '/no-such-link')
  await keep('GET', '/api/links')
  await keep('POST', '/api/links', link('hello', 'https://example.org/ä?q=1'))
  await keep('POST', '/api/links', link('hello', 'https://example.org/other'))
  await keep('POST', '/api/links', link('bad', 'javascript:alert(1)'))
  await keep('PUT', '/api/links/hello/icon', {
    headers: { ...admin, 'content-type': 'image/png' },
    body: ICON,
  })
  await keep('GET', '/icons/hello')
  for (let visit = 0; visit < 10; visit++)
    await keep('GET', '/hello', { headers: { referer: `https://news${visit % 3}.example/` } })
  answers.push(
    await waitFor(
      () => send('GET', '/api/stats/hello?days=1', { headers: admin }),
      ({ body }) => body.includes('"total":10'),
    ),
  )
  await keep('DELETE', '/api/links/hello', { headers: admin })
  await keep('DELETE', '/api/links/hello', { headers: admin })
  return answers
}

/** Repeats a request for up to 20 s, because clicks reach the statistics through a queue. */
async function waitFor(ask: () => Promise<Answer>, done: (answer: Answer) => boolean): Promise<Answer> {
  const until = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (done(answer) || Date.now() > until) return answer
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
