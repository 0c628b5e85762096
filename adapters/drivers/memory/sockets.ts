import type { DriverFactory, TicketedSocketsDriver } from '../../../core/bindings/drivers.ts'

/** Sockets driver for one process: there are no other processes to notify. */
export const sockets: DriverFactory<'sockets'> = (_options, context) => new MemorySockets(() => context.now())

/** Sockets driver with tickets, for one process. */
export const ticketedSockets: DriverFactory<'ticketedSockets'> = (_options, context) =>
  new MemorySockets(() => context.now())

/** Number of WebSocket tickets above which the expired ones are removed. */
const MAX_TICKETS = 10_000

class MemorySockets implements TicketedSocketsDriver {
  readonly isAlone = true
  #now: () => number
  #tickets = new Map<string, { value: string; ends: number }>()
  #sweepAt = MAX_TICKETS

  constructor(now: () => number) {
    this.#now = now
  }

  async listen(): Promise<void> {}

  async broadcast(): Promise<void> {}

  async send(): Promise<boolean> {
    return false
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    if (this.#tickets.size >= this.#sweepAt) this.#sweep()
    this.#tickets.set(id, { value, ends: this.#now() + seconds * 1000 })
  }

  async takeTicket(id: string): Promise<string | null> {
    const ticket = this.#tickets.get(id)
    this.#tickets.delete(id)
    return ticket !== undefined && ticket.ends > this.#now() ? ticket.value : null
  }

  /**
   * Removes expired WebSocket tickets. The next sweep runs at twice the number of tickets that remain, but at
   * {@link MAX_TICKETS} or more.
   */
  #sweep(): void {
    const now = this.#now()
    for (const [id, { ends }] of this.#tickets) if (ends <= now) this.#tickets.delete(id)
    this.#sweepAt = Math.max(MAX_TICKETS, this.#tickets.size * 2)
  }
}
