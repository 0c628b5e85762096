import { UnmoorError } from 'unmoor/adapter'
import { createContext, internalError, type OwnedContext } from 'unmoor/runtime'
import { Deno } from './deno.ts'
import { toSend } from './web.ts'

/** Answers a request. */
export type Handler = (request: Request, ctx: OwnedContext) => Promise<Response>

/** A listening server. */
export interface Server {
  /** Origin at which the server listens. */
  readonly url: string
  /**
   * Stops accepting connections, and lets requests and their `waitUntil` work finish. Resolves to true if all
   * of them finished within `seconds`.
   */
  stop(seconds: number): Promise<boolean>
}

/**
 * Seconds after which a request without an answer is answered with 503: its handler's promise will not
 * settle.
 */
const ANSWER_SECONDS = 60

async function answerInTime(answer: Promise<Response>): Promise<Response> {
  const late = Promise.withResolvers<Response>()
  const timer = setTimeout(
    () => late.resolve(new Response('Service Unavailable', { status: 503 })),
    ANSWER_SECONDS * 1000,
  )
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Starts the HTTP server. @throws `Unavailable` if the port is in use. */
export async function startServer(
  handler: Handler,
  { port, host }: { port: number; host: string },
): Promise<Server> {
  const background = new Set<Promise<unknown>>()
  const stopped = new AbortController()
  const { promise: listening, resolve } = Promise.withResolvers<number>()
  let server: ReturnType<typeof Deno.serve>
  try {
    server = Deno.serve(
      { port, hostname: host, onListen: (address) => resolve(address.port), automaticCompression: false },
      async (request, info) => {
        const { hostname, port: clientPort } = info.remoteAddr
        const ctx = createContext(
          { signal: stopped.signal },
          {
            client: {
              remote: {
                address: hostname,
                addressType: hostname.includes(':') ? 'IPv6' : 'IPv4',
                port: clientPort,
                transport: 'tcp',
              },
            },
          },
        )
        void info.completed
          .catch(() => {})
          .then(() => {
            const work = ctx.settled()
            background.add(work)
            void work.finally(() => background.delete(work))
          })
        try {
          const response = await answerInTime(handler(request, ctx))
          if (!response.bodyUsed && !response.body?.locked) return toSend(response, request.method)
          console.error(
            `${request.method} ${request.url}: the answer has a body that was read already. Answer with response.clone(), or a new one.`,
          )
          return internalError()
        } catch (error) {
          console.error(`${request.method} ${request.url} failed:`, error)
          return internalError()
        }
      },
    )
  } catch (error) {
    if (error instanceof Error && error.name === 'AddrInUse')
      throw new UnmoorError(
        'Unavailable',
        `Port ${port} on ${host} is in use by another process. Stop that one, or set PORT to another.`,
        {
          operation: 'start',
          retryable: false,
          cause: error,
        },
      )
    throw error
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${await listening}`,
    async stop(seconds) {
      const late = new Promise<false>((end) => setTimeout(() => end(false), seconds * 1000))
      const finished = server.shutdown().then(async () => {
        while (background.size > 0) await Promise.all(background)
        return true
      })
      const outcome = await Promise.race([finished, late])
      if (!outcome)
        stopped.abort(
          new DOMException(
            `The server stops: work was still running ${seconds} s after it was told to.`,
            'TimeoutError',
          ),
        )
      return outcome
    },
  }
}
