import type { ToRelay } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Maximum number of unredeemed WebSocket tickets of one app's binding. */
const MAX_TICKETS = 10_000

interface Listener {
  process: WorkerProcess
  name: string
}

interface Ticket {
  value: string
  /** Expiry of the WebSocket ticket, on the clock of `performance.now()`. */
  ends: number
}

/**
 * Relays messages of an app's sockets between the processes of the host, and keeps their tickets. All state
 * is keyed by app and binding, so no message of one app reaches another.
 */
export class SocketRelay {
  /** Processes that listen for socket messages, by app and binding, then by the name of the process. */
  #listeners = new Map<string, Map<string, Listener>>()
  #tickets = new Map<string, Map<string, Ticket>>()

  /** Handles a message that a process sent to the socket relay. */
  receive(from: WorkerProcess, message: ToRelay): void {
    const { type, app, binding } = message
    const to = { type, app, binding }
    const at = `${app}\n${binding}`
    switch (message.op) {
      case 'listen': {
        const { process: name } = message
        const names = this.#listeners.get(at) ?? new Map<string, Listener>()
        this.#listeners.set(at, names)
        names.set(name, { process: from, name })
        return from.send({ type: 'sockets', call: message.call, value: true })
      }
      case 'leave':
        return this.#leave(at, message.process)
      case 'broadcast':
        for (const { process, name } of this.#listeners.get(at)?.values() ?? [])
          if (name !== message.process) process.send({ ...to, process: name, text: message.text })
        return
      case 'send': {
        const found = this.#listeners.get(at)?.get(message.process)
        found?.process.send({ ...to, process: found.name, text: message.text })
        return from.send({ type: 'sockets', call: message.call, value: found !== undefined })
      }
      case 'saveTicket': {
        const value = this.#saveTicket(at, message)
        return from.send({ type: 'sockets', call: message.call, value })
      }
      case 'takeTicket': {
        const tickets = this.#tickets.get(at)
        const found = tickets?.get(message.ticket)
        tickets?.delete(message.ticket)
        if (tickets?.size === 0) this.#tickets.delete(at)
        const value = found !== undefined && found.ends > performance.now() ? found.value : null
        return from.send({ type: 'sockets', call: message.call, value })
      }
    }
  }

  /** Removes the socket listeners of a process that has ended. */
  forget(process: WorkerProcess): void {
    for (const [at, names] of this.#listeners)
      for (const [name, listener] of names) if (listener.process === process) this.#leave(at, name)
  }

  #leave(at: string, name: string): void {
    const names = this.#listeners.get(at)
    names?.delete(name)
    if (names?.size === 0) this.#listeners.delete(at)
  }

  /** Saves a WebSocket ticket; returns false if the app's binding has too many. */
  #saveTicket(
    at: string,
    { ticket, value, seconds }: { ticket: string; value: string; seconds: number },
  ): boolean {
    const tickets = this.#tickets.get(at) ?? new Map<string, Ticket>()
    this.#tickets.set(at, tickets)
    const now = performance.now()
    if (tickets.size >= MAX_TICKETS) for (const [id, { ends }] of tickets) if (ends <= now) tickets.delete(id)
    if (tickets.size >= MAX_TICKETS) return false
    tickets.set(ticket, { value, ends: now + seconds * 1000 })
    return true
  }
}
