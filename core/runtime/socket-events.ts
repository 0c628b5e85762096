import type { SocketHandlers } from '../app.ts'
import type { SocketEvent, SocketMessage, SocketState } from '../bindings/socket-transport.ts'
import { createSocket, type Sockets } from '../bindings/sockets.ts'
import type { Context } from '../context.ts'
import type { Runtime } from './runtime.ts'

/** Options of {@link runSocketEvent}. */
export interface SocketEventOptions {
  runtime: Pick<Runtime, 'app' | 'env'>
  binding: string
  /** Called with errors that handlers of sockets throw. */
  onError: (message: string, error: unknown) => void
}

/** True if the app has a handler for this kind of socket event. */
export function handlesSocketEvent(
  { runtime, binding }: Pick<SocketEventOptions, 'runtime' | 'binding'>,
  type: SocketEvent['type'],
): boolean {
  return runtime.app.sockets?.[binding]?.[type] !== undefined
}

/**
 * Calls the app's handler for one event of a WebSocket; the handler has started when this returns. An error
 * of the handler goes to `onError` and to the binding's `error` handler, and is the result's `error`: the
 * transport then closes the socket with 1011. The promise never rejects.
 */
export async function runSocketEvent(
  options: SocketEventOptions,
  state: SocketState,
  event: SocketEvent,
  ctx: Context,
): Promise<{ error?: unknown }> {
  const { runtime, binding, onError } = options
  const handlers = runtime.app.sockets?.[binding]
  if (handlers?.[event.type] === undefined) return {}
  const socket = createSocket(runtime.env[binding] as Sockets, state)
  const env = runtime.env as never
  try {
    await call(handlers, socket, event, env, ctx)
    return {}
  } catch (error) {
    onError(`socket ${binding} ${state.id}: the ${event.type} handler failed:`, error)
    try {
      await handlers.error?.(socket, error, env, ctx)
    } catch (further) {
      onError(`socket ${binding} ${state.id}: the error handler failed:`, further)
    }
    return { error }
  }
}

function call(
  handlers: SocketHandlers<unknown, SocketMessage, never>,
  socket: ReturnType<typeof createSocket>,
  event: SocketEvent,
  env: never,
  ctx: Context,
): void | Promise<void> {
  switch (event.type) {
    case 'open':
      return handlers.open?.(socket, env, ctx)
    case 'message':
      return handlers.message?.(socket, event.message, env, ctx)
    case 'close': {
      const { code, reason, clean } = event
      return handlers.close?.(socket, { code, reason, clean }, env, ctx)
    }
  }
}
