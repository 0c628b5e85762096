import { keepContext } from './async-context.ts'
import { MessageEvent } from './events/event.ts'
import { defineHandler, dispatchTrusted, EventTarget } from './events/event-target.ts'
import { setTransfer, structuredClone } from './data/structured-clone.ts'
import { startTimer } from './timers.ts'

const INTERNAL = Symbol('internal')
let entangle: (a: MessagePort, b: MessagePort) => void

export class MessagePort extends EventTarget {
  #other: MessagePort | undefined
  #queue: MessageEvent[] = []
  #started = false
  #detached = false
  /** Dispatches a MessagePort's message in the async context in which the port was created, as on Node. */
  #dispatch = keepContext((event: MessageEvent) => {
    if (!this.#detached) dispatchTrusted(this, event)
  })

  constructor(key?: unknown) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
  }

  postMessage(message: unknown, options: Iterable<object> | { transfer?: Iterable<object> } = []): void {
    if (arguments.length === 0) throw new TypeError('postMessage takes a message')
    const transfer = Symbol.iterator in options ? [...options] : [...(options.transfer ?? [])]
    const copies = structuredClone([message, transfer], { transfer }) as [unknown, object[]]
    const event = new MessageEvent('message', {
      data: copies[0],
      ports: copies[1].filter((item) => item instanceof MessagePort),
    })
    const other = this.#other
    if (other !== undefined) other.#receive(event)
  }
  start(): void {
    if (this.#started) return
    this.#started = true
    for (const event of this.#queue.splice(0)) this.#deliver(event)
  }
  close(): void {
    const other = this.#other
    this.#other = undefined
    if (other !== undefined) other.#other = undefined
  }

  #receive(event: MessageEvent): void {
    if (this.#started) this.#deliver(event)
    else this.#queue.push(event)
  }
  // Each message of a MessagePort is delivered in a task of its own.
  #deliver(event: MessageEvent): void {
    startTimer(() => this.#dispatch(event), 0, false)
  }

  static {
    entangle = (a, b) => {
      a.#other = b
      b.#other = a
    }
    setTransfer((value) => {
      if (!(value instanceof MessagePort) || value.#detached) return undefined
      const port = new MessagePort(INTERNAL)
      if (value.#other !== undefined) entangle(port, value.#other)
      port.#queue = value.#queue
      value.#other = undefined
      value.#detached = true
      return port
    })
  }
}
defineHandler(MessagePort.prototype, 'message')
defineHandler(MessagePort.prototype, 'messageerror')
// Setting `onmessage` starts a MessagePort; adding a listener does not.
const handler = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage') as PropertyDescriptor & {
  set(value: unknown): void
}
const starting = function (this: MessagePort, value: unknown): void {
  handler.set.call(this, value)
  this.start()
}
Object.defineProperty(starting, 'name', { value: 'set onmessage', configurable: true })
Object.defineProperty(MessagePort.prototype, 'onmessage', { ...handler, set: starting })

export class MessageChannel {
  #ports: readonly [MessagePort, MessagePort]
  constructor() {
    this.#ports = [new MessagePort(INTERNAL), new MessagePort(INTERNAL)]
    entangle(...this.#ports)
  }
  get port1(): MessagePort {
    return this.#ports[0]
  }
  get port2(): MessagePort {
    return this.#ports[1]
  }
}
