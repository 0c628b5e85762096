/** Errors in the shape of Workers AI: https://developers.cloudflare.com/workers-ai/platform/errors/ */

/** The error of a failed AI call, as the Worker sees it. */
export class AiError extends Error {
  readonly code: number
  readonly status: number

  constructor(code: number, status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.status = status
  }

  toResponse(): Response {
    const { code, status, message } = this
    return new Response(
      JSON.stringify({ internalCode: code, name: 'AiError', httpCode: status, description: message }),
      { status, headers: { 'content-type': 'application/json', 'cf-ai-req-id': crypto.randomUUID() } },
    )
  }
}

/** Cloudflare's error code and status by the HTTP status of the AI model's server. */
const CODES: Readonly<Record<number, readonly [code: number, status: number]>> = {
  400: [5006, 400],
  401: [10_000, 401],
  403: [5018, 403],
  404: [5007, 400],
  408: [3007, 408],
  413: [3006, 413],
  422: [5006, 400],
  429: [3040, 429],
  504: [3007, 408],
}

/** Converts a refusal of the AI model's server to an error whose message has the server's own words. */
export async function refusedBy(response: Response): Promise<AiError> {
  const [code, status] = CODES[response.status] ?? [3043, 500]
  const text = await response.text().catch(() => '')
  return new AiError(code, status, `${messageOf(text)} (the model's server answered ${response.status})`)
}

function messageOf(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: { message?: string } | string; message?: string }
    const found = typeof error === 'object' ? error.message : (error ?? message)
    if (typeof found === 'string') return found
  } catch {
    // If the AI server's answer is not JSON, its text becomes the message.
  }
  return text.slice(0, 500) || 'no reason was given'
}
