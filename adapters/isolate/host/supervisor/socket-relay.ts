import type { ToRelay } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Tickets that one app may have open at once. */
const MAX_TICKETS = 10_000

interface Listener {
  process: WorkerProcess
  name: string
}

interface Ticket {
  value: string
  /** From `performance.now()`. */
  ends: number
}

/**
 * Carries what the sockets of an app say from one process of the host to the others, and keeps their tickets.
 * Everything is kept by app and binding: what one app sends reaches no other.
 */
export class SocketRelay {
  /** Listeners by app and binding, then by the name that a process has there. */
  #listeners = new Map<string, Map<string, Listener>>()
  #tickets = new Map<string, Map<string, Ticket>>()

  /** Takes what a process says. */
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

  /** A process has ended, and with it the sockets that it held. */
  forget(process: WorkerProcess): void {
    for (const [at, names] of this.#listeners)
      for (const [name, listener] of names) if (listener.process === process) this.#leave(at, name)
  }

  #leave(at: string, name: string): void {
    const names = this.#listeners.get(at)
    names?.delete(name)
    if (names?.size === 0) this.#listeners.delete(at)
  }

  /** False where the app has too many. */
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
