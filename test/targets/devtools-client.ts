/** A session with a debugger. */
export interface DebuggerClient {
  call(method: string, params?: object): Promise<unknown>
  /** The first event of that name that matches, once it has come. */
  event(
    method: string,
    matches?: (params: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown>>
  /** All that have come. */
  events(method: string): Record<string, unknown>[]
  /** Resolves when the other side has gone. */
  readonly closed: Promise<void>
  close(): void
}

/** A client of the DevTools protocol, over Node's own WebSocket. */
export async function connectDebugger(url: string): Promise<DebuggerClient> {
  const socket = new WebSocket(url)
  const seen: { method: string; params: Record<string, unknown> }[] = []
  const waiting = new Map<number, (result: unknown) => void>()
  const listeners = new Set<() => void>()
  let next = 1
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as {
      id?: number
      result?: unknown
      error?: unknown
      method: string
      params: Record<string, unknown>
    }
    if (message.id === undefined) seen.push(message)
    else waiting.get(message.id)?.(message.result ?? { error: message.error })
    for (const listener of listeners) listener()
  })
  const closed = new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('no connection')))
  })
  return {
    call(method, params = {}) {
      const id = next++
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        socket.send(JSON.stringify({ id, method, params }))
      })
    },
    event(method, matches = () => true) {
      return new Promise((resolve) => {
        const look = (): void => {
          const found = seen.find((event) => event.method === method && matches(event.params))
          if (found === undefined) return
          listeners.delete(look)
          resolve(found.params)
        }
        listeners.add(look)
        look()
      })
    },
    events: (method) => seen.filter((event) => event.method === method).map(({ params }) => params),
    closed,
    close: () => socket.close(),
  }
}
