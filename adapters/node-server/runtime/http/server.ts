import type { AddressInfo } from 'node:net'
import { keepEvent, waitUntilFailed } from '../events.ts'
import type { ServerLimits } from './limited-server.ts'
import { listen } from './listen.ts'
import { createHttpServer, type HttpHandler, type HttpOptions } from './listener.ts'

/** Options of {@link startServer}, which starts an HTTP server. */
export interface HttpServerOptions extends Omit<HttpOptions, 'context' | 'onBackground'>, ServerLimits {
  /** Port that the HTTP server listens on; 0 picks a free one. */
  port: number
  host: string
}

/** A listening HTTP server and the work that its requests left behind. */
export interface HttpServer {
  /** Origin of the server, such as `http://127.0.0.1:3000`. */
  readonly url: string
  readonly port: number
  /**
   * Stops the HTTP server: it accepts no more connections and lets requests and their `waitUntil` work
   * finish. After `seconds` it aborts `ctx.signal` and `request.signal` and cuts the remaining connections.
   * Resolves to true if all finished by themselves.
   */
  stop(seconds: number): Promise<boolean>
}

/**
 * Starts an HTTP server. @throws `Unavailable` for a port in use, `PermissionDenied` for a port that this
 * user may not take, `InvalidArgument` for an address that is not this machine's.
 */
export async function startServer(handler: HttpHandler, options: HttpServerOptions): Promise<HttpServer> {
  const background = new Set<Promise<unknown>>()
  const stopped = new AbortController()
  const track = (work: Promise<unknown>): void => {
    background.add(work)
    void work.finally(() => background.delete(work))
  }
  const server = createHttpServer(
    handler,
    {
      ...options,
      context: {
        signal: stopped.signal,
        keep: keepEvent,
        onError: (error: unknown) => waitUntilFailed(error, options.onError),
      },
      onBackground: track,
    },
    options,
  )
  await listen(server, { port: options.port, host: options.host })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    async stop(seconds) {
      const deadline = Promise.withResolvers<'late'>()
      const timer = setTimeout(() => deadline.resolve('late'), seconds * 1000)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // node:http keeps a connection alive after its answer if it was busy when close() went through the idle
      // ones, so idle connections are closed again at intervals.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      const finished = closed.then(async () => {
        while (background.size > 0) await Promise.all(background)
      })
      const outcome = await Promise.race([finished, deadline.promise])
      clearTimeout(timer)
      clearInterval(sweep)
      if (outcome !== 'late') return true
      stopped.abort(
        new DOMException(
          `The server stops: work was still running ${seconds} s after it was told to.`,
          'TimeoutError',
        ),
      )
      server.closeAllConnections()
      return false
    },
  }
}
