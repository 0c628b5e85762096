import type { TicketedSocketsDriver } from '../../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import type { FromRelay, RelayAnswer, ToRelay } from '../messages.ts'

/** Milliseconds in which the supervisor must answer a call of the socket relay. */
const PATIENCE_MS = 5000
/** Maximum bytes of socket messages of an app's binding that may be on their way to the supervisor. */
const MAX_UNDER_WAY = 16 * 1024 * 1024

interface Waiting {
  resolve(value: RelayAnswer): void
  timer: NodeJS.Timeout
}

/**
 * Reaches the app's sockets in the host's other processes through the supervisor. Process names are looked up
 * per binding of one app, so an id never reaches another app.
 */
export class SocketRelay {
  #say: (message: ToRelay, whenSent?: () => void) => void
  #listeners = new Map<string, (text: string) => void>()
  #calls = new Map<number, Waiting>()
  #lastCall = 0

  constructor(say: (message: ToRelay, whenSent?: () => void) => void) {
    this.#say = say
  }

  /** Creates the sockets driver of one app's binding that uses this relay. */
  driver(app: string, binding: string): TicketedSocketsDriver {
    let own = ''
    let underWay = 0
    const at = { app, binding }
    const put = async (message: ToRelay, size: number): Promise<void> => {
      if (underWay + size > MAX_UNDER_WAY)
        throw new UnmoorError('Throttled', "More of the app's messages are on their way than may be.")
      underWay += size
      this.#say(message, () => void (underWay -= size))
    }
    return {
      listen: async (process, receive) => {
        own = process
        this.#listeners.set(keyOf(app, binding, process), receive)
        const { call, answer } = this.#ask()
        this.#say({ type: 'sockets', op: 'listen', ...at, process, call })
        // Wait for the supervisor's answer: messages of other processes would be lost before this process is
        // registered with the relay.
        await answer
      },
      broadcast: (text) => put({ type: 'sockets', op: 'broadcast', ...at, process: own, text }, text.length),
      send: async (process, text) => {
        const { call, answer } = this.#ask()
        await put({ type: 'sockets', op: 'send', ...at, process, text, call }, text.length)
        return (await answer) === true
      },
      saveTicket: async (ticket, value, seconds) => {
        const { call, answer } = this.#ask()
        this.#say({ type: 'sockets', op: 'saveTicket', ...at, ticket, value, seconds, call })
        if ((await answer) !== true)
          throw new UnmoorError('Throttled', 'The app has more tickets that nobody used than it may have.')
      },
      takeTicket: async (ticket) => {
        const { call, answer } = this.#ask()
        this.#say({ type: 'sockets', op: 'takeTicket', ...at, ticket, call })
        const value = await answer
        return typeof value === 'string' ? value : null
      },
      close: () => {
        this.#listeners.delete(keyOf(app, binding, own))
        this.#say({ type: 'sockets', op: 'leave', ...at, process: own })
      },
    }
  }

  /** Handles a relay message of the supervisor: a text for a listener, or the answer to a call. */
  receive(message: FromRelay): void {
    if ('text' in message) {
      this.#listeners.get(keyOf(message.app, message.binding, message.process))?.(message.text)
      return
    }
    const waiting = this.#calls.get(message.call)
    this.#calls.delete(message.call)
    clearTimeout(waiting?.timer)
    waiting?.resolve(message.value)
  }

  #ask(): { call: number; answer: Promise<RelayAnswer> } {
    const call = ++this.#lastCall
    const { promise, resolve, reject } = Promise.withResolvers<RelayAnswer>()
    promise.catch(() => {})
    const timer = setTimeout(() => {
      this.#calls.delete(call)
      reject(
        new UnmoorError('Unavailable', `The host did not answer in ${PATIENCE_MS / 1000} s.`, {
          mayHaveApplied: true,
        }),
      )
    }, PATIENCE_MS)
    this.#calls.set(call, { resolve, timer })
    return { call, answer: promise }
  }
}

/**
 * Key of a listener for socket messages. The binding is part of it, as a process has one name for all
 * bindings of an app.
 */
function keyOf(app: string, binding: string, process: string): string {
  return `${app}\n${binding}\n${process}`
}
