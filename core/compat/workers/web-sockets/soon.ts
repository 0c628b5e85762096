let run: (callback: () => void) => void = (callback) => void setTimeout(callback, 0)

/** Sets how {@link soon} runs WebSocket callbacks; a target may have something faster than a timer. */
export function setSoon(own: (callback: () => void) => void): void {
  run = own
}

/** Runs a WebSocket callback in an event-loop turn of its own, in the order of the calls. */
export function soon(callback: () => void): void {
  run(callback)
}
